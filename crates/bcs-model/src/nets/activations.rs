use tch::Tensor;

/// What a forward pass computes.
#[derive(Debug)]
pub struct Activations {
    /// Logits `[N, out_channels, H, W]`.
    pub logits: Tensor,
    /// Feature maps `[N, C, h, w]` of the bottleneck, where the encoder ends and the decoder begins, in inference the input
    /// of an [embedding](crate::embedding). It is the output of
    /// - `UNet`: the innermost `submodule`
    /// - `AttentionUnet`: the innermost `submodule`, which is the last convolutions of the encoder
    /// - `BasicUNet`: `down_4`
    /// - `BasicUNetPlusPlus`: `conv_4_0`
    /// - `SegResNet`: the last of the `down_layers`
    /// - `FlexibleUNet`: the encoder, its smallest feature maps
    /// - `DynUNet`: `bottleneck`
    pub bottleneck: Tensor,
}
