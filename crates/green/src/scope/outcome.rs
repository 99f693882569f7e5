//! What a child of a scope may return.

/// What a child of a [`scope`](crate::scope()) may return: `()`, or a `Result` whose error is that of
/// the scope.
pub trait Outcome<E> {
    /// What who waits for the child gets.
    type Value;

    /// The value, or the error that ends the scope.
    ///
    /// # Errors
    /// When the child failed.
    fn into_result(self) -> Result<Self::Value, E>;
}

impl<E> Outcome<E> for () {
    type Value = ();

    fn into_result(self) -> Result<(), E> {
        Ok(())
    }
}

impl<T, E> Outcome<E> for Result<T, E> {
    type Value = T;

    fn into_result(self) -> Result<T, E> {
        self
    }
}
