use nova_macros::ApiObject;

/// A node.
#[derive(ApiObject)]
#[api(version = "1.0")]
#[non_exhaustive]
pub struct Node {
    /// Its name.
    pub name: String,
}

fn main() {}
