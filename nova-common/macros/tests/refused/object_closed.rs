use nova_macros::ApiObject;

struct Header<T>(std::marker::PhantomData<T>);

/// A node.
#[derive(ApiObject)]
#[api(version = "1.0")]
pub struct Node {
    object: Header<Self>,
    /// Its name.
    pub name: String,
}

fn main() {}
