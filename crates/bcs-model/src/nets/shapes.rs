/// Shapes of the images that a network takes, and of its logits. Sizes are (height, width).
#[derive(Debug, Clone, Copy)]
pub struct Shapes {
    /// Number of input channels.
    pub in_channels: i64,
    /// Number of output channels, which is the number of classes.
    pub out_channels: i64,
    /// Numbers that height and width of the input must be multiples of.
    pub size_divisor: [i64; 2],
    /// Least size in inference: every image with sides of at least these is accepted.
    pub min_size: [i64; 2],
    /// Least size in training, even in a batch of one.
    pub min_training_size: [i64; 2],
    /// Numbers that height and width of the image are divided by to give those of the logits.
    pub output_stride: [i64; 2],
}
