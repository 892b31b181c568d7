fn main() {
    // With GNU's linker napi-build would link to Node's library; the addon finds Node's functions when it's loaded (`dyn-symbols`).
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("windows") {
        napi_build::setup();
    }
}
