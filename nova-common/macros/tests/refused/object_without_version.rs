use nova_macros::ApiObject;

struct Header<T>(std::marker::PhantomData<T>);

/// A node.
#[derive(ApiObject)]
#[non_exhaustive]
pub struct Node {
    object: Header<Self>,
}

fn main() {}
