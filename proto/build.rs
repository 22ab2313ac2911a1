//! Compiles the `.proto` files with protox, so that no `protoc` is needed on the machine.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files = ["tabulation", "catalog", "request", "control"]
        .map(|name| format!("protos/insitu/v1/{name}.proto"));
    let descriptors = protox::compile(&files, ["protos"])?;
    tonic_prost_build::configure().build_transport(true).compile_fds(descriptors)?;
    println!("cargo:rerun-if-changed=protos");
    Ok(())
}
