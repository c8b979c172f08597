//! Compiles the shim against the headers of libtorch: the functions once, the kernels once per instruction set.

use std::env;
use std::path::{Path, PathBuf};

/// Instruction sets on x86-64, as the kernels name them, and as compilers do.
const LEVELS: [(&str, &str); 2] = [("v3", "-march=x86-64-v3"), ("v4", "-march=x86-64-v4")];

const FUNCTIONS: [&str; 11] = [
    "cpp/adam.cpp",
    "cpp/api.cpp",
    "cpp/conv_transpose2d.cpp",
    "cpp/dispatch.cpp",
    "cpp/distributed_api.cpp",
    "cpp/group.cpp",
    "cpp/instance_norm_prelu.cpp",
    "cpp/nccl.cpp",
    "cpp/planes.cpp",
    "cpp/reducer.cpp",
    "cpp/sync_batch_norm.cpp",
];

fn main() {
    println!("cargo:rerun-if-changed=cpp");
    let root = |variable: &str| {
        println!("cargo:rerun-if-env-changed={variable}");
        env::var_os(variable).map(PathBuf::from)
    };
    let libtorch = root("LIBTORCH");
    let include = root("LIBTORCH_INCLUDE").or(libtorch.clone());
    let lib = root("LIBTORCH_LIB").or(libtorch);
    let (Some(include), Some(lib)) = (include, lib) else {
        panic!("LIBTORCH is not set; run scripts/setup, or point LIBTORCH at a libtorch of your own")
    };
    let (include, lib) = (include.join("include"), lib.join("lib"));
    kernels("base", None);
    if env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|architecture| architecture == "x86_64") {
        LEVELS.iter().for_each(|(level, flag)| kernels(level, Some(flag)));
    }
    cpp()
        .flag("-fopenmp")
        .define("USE_DISTRIBUTED", None)
        .define("USE_C10D_GLOO", None)
        // Declarations of Gloo, whose headers libtorch leaves out.
        .include("cpp")
        .flag("-isystem")
        .flag(&include)
        .flag("-isystem")
        .flag(include.join("torch/csrc/api/include"))
        .files(FUNCTIONS)
        .compile("bcs_torch");
    link_openmp(&lib);
    println!("cargo:rustc-link-arg=-Wl,-rpath,{}", lib.display());
}

/// Compiles the kernels for an instruction set. Products are not fused with sums, so that all sets give the same bits.
fn kernels(level: &str, flag: Option<&&str>) {
    let mut build = cpp();
    build.define("LEVEL", level).flags(["-ffp-contract=off", "-Wno-psabi"]).file("cpp/kernels.cpp");
    build.flags(flag).compile(&format!("bcs_torch_{level}"));
}

/// A build that is optimized in debug builds too: tests train networks.
fn cpp() -> cc::Build {
    let mut build = cc::Build::new();
    build.cpp(true).std("c++17").opt_level(3).debug(false).flag("-fno-math-errno").flag("-fno-trapping-math");
    build
}

/// Links the OpenMP runtime that libtorch brings, or that of the system: `at::parallel_for` is a template that calls it.
fn link_openmp(lib: &Path) {
    let files = std::fs::read_dir(lib).into_iter().flatten().flatten();
    let names = files.map(|file| file.file_name().to_string_lossy().into_owned());
    println!("cargo:rustc-link-search=native={}", lib.display());
    match names.filter(|name| name.starts_with("libgomp")).min() {
        Some(name) => println!("cargo:rustc-link-lib=dylib:+verbatim={name}"),
        None => println!("cargo:rustc-link-lib=dylib=gomp"),
    }
}
