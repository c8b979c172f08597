//! Lets every binary that links libtorch find it without a variable: the folder it was built against is
//! written into the binary, and beside it `../lib` relative to the binary, where the containers put it.
//! Every package that links libtorch names this one file as its build script.

fn main() {
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    println!("cargo:rerun-if-env-changed=LIBTORCH_LIB");
    let root = std::env::var("LIBTORCH_LIB").or_else(|_| std::env::var("LIBTORCH"));
    if let Ok(root) = root {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{root}/lib");
    }
    println!("cargo:rustc-link-arg=-Wl,-rpath,$ORIGIN/../lib");
}
