//! Sets the run path of binaries that link libtorch, so that they find it without an environment variable: the folder
//! they were built against, and `../lib` relative to the binary, where the containers have it. All packages that link
//! libtorch share this build script.

fn main() {
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    println!("cargo:rerun-if-env-changed=LIBTORCH_LIB");
    let root = std::env::var("LIBTORCH_LIB").or_else(|_| std::env::var("LIBTORCH"));
    if let Ok(root) = root {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{root}/lib");
    }
    println!("cargo:rustc-link-arg=-Wl,-rpath,$ORIGIN/../lib");
}
