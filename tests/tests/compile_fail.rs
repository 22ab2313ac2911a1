//! What must not compile: each file in `ui/` is an attempt to get round a check.

#[test]
fn checks_cannot_be_skipped() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("ui/*.rs");
}
