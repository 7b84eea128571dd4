use nova_macros::ApiObject;

struct Header<T>(std::marker::PhantomData<T>);

/// A node.
#[derive(ApiObject)]
#[api(version = "1.1")]
#[non_exhaustive]
pub struct Node {
    object: Header<Self>,
    /// Its name.
    #[api(since = "1.1")]
    pub name: String,
}

fn main() {}
