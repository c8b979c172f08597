//! Blocks of `DynUNet` (`monai.networks.blocks.dynunet_block`).

use tch::Tensor;
use tch::nn::Path;

use super::adn::Dropout;
use super::{Activation, Block, Conv2d, ConvOptions, ConvTranspose2d, LayerSpec, Norm};
use crate::error::{Error, argument};

/// Slope for which MONAI's `DynUNet.initialize_weights` draws the weights.
const INIT_SLOPE: f64 = 0.01;

/// Layers that the blocks of a network share.
#[derive(Debug, Clone)]
pub struct DynUNetLayers {
    /// Normalization type and arguments.
    pub norm: LayerSpec,
    /// Activation type and arguments.
    pub act: LayerSpec,
    /// Dropout after each convolution.
    pub dropout: Dropout,
}

/// Arguments of a [`UnetBlock`].
#[derive(Debug, Clone, Copy)]
pub struct UnetBlockOptions {
    /// Kernel size, odd.
    pub kernel: [i64; 2],
    /// Stride of the first convolution.
    pub stride: [i64; 2],
    /// Whether the block has a residual connection.
    pub residual: bool,
}

/// A convolution followed by dropout.
#[derive(Debug)]
struct DropoutConv {
    conv: Conv2d,
    dropout: Dropout,
}

impl DropoutConv {
    /// Creates the convolution, with parameters under `path/conv`.
    fn new(
        path: &Path<'_>,
        [inputs, outputs]: [i64; 2],
        [kernel, stride]: [[i64; 2]; 2],
        bias: bool,
        dropout: Dropout,
    ) -> Result<Self, Error> {
        let options = ConvOptions { kernel, stride, padding: padding(kernel, stride)?, groups: 1, bias };
        Ok(Self { conv: Conv2d::new(&(path / "conv"), inputs, outputs, options)?, dropout })
    }

    fn forward(&self, input: &Tensor, train: bool) -> Result<Tensor, Error> {
        self.dropout.forward(&self.conv.forward(input, train)?, train)
    }
}

/// `get_padding`: the padding with which a stride divides the size exactly, for an odd kernel.
fn padding(kernel: [i64; 2], stride: [i64; 2]) -> Result<[i64; 2], Error> {
    let doubled = [0, 1].map(|axis| kernel[axis] - stride[axis] + 1);
    if doubled.iter().all(|padding| *padding >= 0) {
        return Ok(doubled.map(|padding| padding / 2));
    }
    let reason = format!(
        "is {stride:?}, which is too large for a kernel of {kernel:?}: its padding would be negative"
    );
    Err(argument("strides", reason))
}

/// `monai.networks.blocks.dynunet_block.UnetBasicBlock`, or `UnetResBlock` if it has a residual connection.
#[derive(Debug)]
pub struct UnetBlock {
    convs: [DropoutConv; 2],
    norms: [Norm; 2],
    act: Activation,
    /// Whether the input is added to the output.
    residual: bool,
    /// Convolution and normalization of the residual connection.
    projection: Option<(DropoutConv, Norm)>,
}

impl UnetBlock {
    /// Creates the block, with parameters under `path/conv1`, `conv2`, `lrelu`, `norm1`, `norm2`, `conv3` and `norm3`.
    ///
    /// # Errors
    /// [`Error::Argument`] for a stride that is too large for the kernel, and for arguments that a layer refuses.
    pub fn new(
        path: &Path<'_>,
        inputs: i64,
        outputs: i64,
        options: UnetBlockOptions,
        layers: &DynUNetLayers,
    ) -> Result<Self, Error> {
        let UnetBlockOptions { kernel, stride, residual } = options;
        let conv = |name: &str, inputs, sizes| {
            DropoutConv::new(&(path / name), [inputs, outputs], sizes, false, layers.dropout)
        };
        let norm = |name: &str| Norm::new(&(path / name), &layers.norm, outputs);
        let convs = [conv("conv1", inputs, [kernel, stride])?, conv("conv2", outputs, [kernel, [1, 1]])?];
        let projects = residual && (inputs != outputs || stride != [1, 1]);
        let projection = || Ok::<_, Error>((conv("conv3", inputs, [[1, 1], stride])?, norm("norm3")?));
        Ok(Self {
            convs,
            norms: [norm("norm1")?, norm("norm2")?],
            act: Activation::new(&(path / "lrelu"), &layers.act, outputs)?,
            residual,
            projection: projects.then(projection).transpose()?,
        })
    }

    /// Initializes the convolutions as `DynUNet` does.
    pub(crate) fn initialize(&self) -> Result<(), Error> {
        let projection = self.projection.as_ref().map(|(conv, _)| conv);
        self.convs.iter().chain(projection).try_for_each(|conv| conv.conv.kaiming_normal(INIT_SLOPE))
    }
}

impl Block for UnetBlock {
    fn forward(&self, input: &Tensor, train: bool) -> Result<Tensor, Error> {
        let [conv1, conv2] = &self.convs;
        let [norm1, norm2] = &self.norms;
        let inner = norm1.forward(&conv1.forward(input, train)?, train)?;
        let inner = self.act.forward(&inner, train)?;
        let output = norm2.forward(&conv2.forward(&inner, train)?, train)?;
        let sum = match &self.projection {
            Some((conv, norm)) => output.f_add(&norm.forward(&conv.forward(input, train)?, train)?)?,
            None if self.residual => output.f_add(input)?,
            None => output,
        };
        self.act.forward(&sum, train)
    }
}

/// `monai.networks.blocks.dynunet_block.UnetUpBlock`: a transposed convolution, concatenation with the skip connection
/// and a block without residual connection.
#[derive(Debug)]
pub struct UnetUpBlock {
    transp_conv: ConvTranspose2d,
    dropout: Dropout,
    conv_block: UnetBlock,
}

impl UnetUpBlock {
    /// Creates the block, with parameters under `path/transp_conv` and `path/conv_block`. `upsampling` is the kernel
    /// size and the stride of the transposed convolution; `trans_bias` is whether it has a bias.
    ///
    /// # Errors
    /// [`Error::Argument`] for arguments that a layer refuses.
    pub fn new(
        path: &Path<'_>,
        [inputs, outputs]: [i64; 2],
        kernel: [i64; 2],
        upsampling: [i64; 2],
        trans_bias: bool,
        layers: &DynUNetLayers,
    ) -> Result<Self, Error> {
        let transposed = ConvOptions {
            kernel: upsampling,
            stride: upsampling,
            padding: padding(upsampling, upsampling)?,
            groups: 1,
            bias: trans_bias,
        };
        let block = UnetBlockOptions { kernel, stride: [1, 1], residual: false };
        Ok(Self {
            transp_conv: ConvTranspose2d::new(&(path / "transp_conv" / "conv"), inputs, outputs, transposed)?,
            dropout: layers.dropout,
            conv_block: UnetBlock::new(&(path / "conv_block"), 2 * outputs, outputs, block, layers)?,
        })
    }

    /// Initializes the convolutions as `DynUNet` does.
    pub(crate) fn initialize(&self) -> Result<(), Error> {
        self.transp_conv.kaiming_normal(INIT_SLOPE)?;
        self.conv_block.initialize()
    }

    /// Runs the block on the input and the skip connection, which is as large as the upsampled input.
    ///
    /// # Errors
    /// As [`Block::forward`].
    pub fn forward(&self, input: &Tensor, skip: &Tensor, train: bool) -> Result<Tensor, Error> {
        let upsampled = self.dropout.forward(&self.transp_conv.forward(input, train)?, train)?;
        self.conv_block.forward(&Tensor::f_cat(&[&upsampled, skip], 1)?, train)
    }
}

/// `monai.networks.blocks.dynunet_block.UnetOutBlock`: a 1×1 convolution to the classes.
#[derive(Debug)]
pub struct UnetOutBlock(DropoutConv);

impl UnetOutBlock {
    /// Creates the block, with parameters under `path/conv/conv`.
    ///
    /// # Errors
    /// [`Error::Argument`] for numbers of channels out of range; [`Error::Torch`] if memory runs out.
    pub fn new(path: &Path<'_>, inputs: i64, outputs: i64, dropout: Dropout) -> Result<Self, Error> {
        let sizes = [[1, 1], [1, 1]];
        Ok(Self(DropoutConv::new(&(path / "conv"), [inputs, outputs], sizes, true, dropout)?))
    }

    /// Initializes the convolution as `DynUNet` does.
    pub(crate) fn initialize(&self) -> Result<(), Error> {
        self.0.conv.kaiming_normal(INIT_SLOPE)
    }
}

impl Block for UnetOutBlock {
    fn forward(&self, input: &Tensor, train: bool) -> Result<Tensor, Error> {
        self.0.forward(input, train)
    }
}
