use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::Deserialize;

/// How a model is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Name of the device: `cpu`, `cuda`, `cuda:N` or `auto`.
    pub device: String,
    /// Engine.
    pub engine: EngineKind,
    /// Precision.
    pub precision: Precision,
    /// Folder that keeps compiled graphs; `None` to keep none.
    pub cache: Option<PathBuf>,
}

impl Options {
    /// Returns the defaults on a device.
    pub fn on(device: &str) -> Self {
        let (engine, precision) = (EngineKind::default(), Precision::default());
        Self { device: device.to_owned(), engine, precision, cache: None }
    }
}

/// Library that runs models.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EngineKind {
    /// The fastest one for the model on this machine, by measurement.
    #[default]
    Auto,
    /// libtorch.
    Libtorch,
    /// OpenVINO, on the CPU.
    OpenVino,
}

/// Precision of convolutions in OpenVINO.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// Single precision.
    #[default]
    Float32,
    /// Half precision with the range of single precision, on CPUs that have it.
    Bfloat16,
    /// Whole numbers of 8 bits, for packages with a quantized graph, on CPUs with VNNI or AMX. What is not quantized runs in
    /// [`Bfloat16`](Self::Bfloat16) where the CPU has it.
    Int8,
}

impl fmt::Display for EngineKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Libtorch => "libtorch",
            Self::OpenVino => "openvino",
        })
    }
}

impl FromStr for EngineKind {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "auto" => Ok(Self::Auto),
            "libtorch" => Ok(Self::Libtorch),
            "openvino" => Ok(Self::OpenVino),
            _ => Err("the engines are auto, libtorch and openvino"),
        }
    }
}

impl FromStr for Precision {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "float32" => Ok(Self::Float32),
            "bfloat16" => Ok(Self::Bfloat16),
            "int8" => Ok(Self::Int8),
            _ => Err("the precisions are float32, bfloat16 and int8"),
        }
    }
}
