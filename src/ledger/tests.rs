//! placeholder
pub(super) mod faults {
    #[derive(Default)]
    pub struct Plan;
    impl Plan {
        pub fn step(&self, _p: &std::path::Path, a: impl FnOnce() -> std::io::Result<()>) -> std::io::Result<()> { a() }
    }
}
