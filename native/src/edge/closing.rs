//! Closing what has threads of its own: on a thread of libuv's pool, because it waits for them.
use napi::{Env, Result, Task};

/// Drops what it holds.
pub struct Closing<T>(pub Option<T>);

impl<T: Send + 'static> Task for Closing<T> {
    type Output = ();
    type JsValue = ();

    fn compute(&mut self) -> Result<()> {
        self.0.take();
        Ok(())
    }

    fn resolve(&mut self, _env: Env, (): ()) -> Result<()> {
        Ok(())
    }
}
