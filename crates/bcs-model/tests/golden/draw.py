"""Draws networks and losses at random and writes what MONAI computes for them, in the format of the golden files.

    python draw.py FOLDER [--seed N] [--networks N] [--losses N]
    BCS_DRAWN=FOLDER cargo test -p bcs-model --test monai --test losses

The tests then compare these files beside the golden ones. `scripts/golden --drawn [SEED]` does both.
"""
import argparse
import pathlib
import random

import golden_dyn
import golden_flexible_unet
import golden_loss_arguments
import golden_networks

ACTIVATIONS = ["PRELU", "relu", "ELU", "swish", "mish", "gelu", "tanh", ["leakyrelu", {"negative_slope": 0.2}], ["elu", {"alpha": 0.6}],
               ["prelu", {"init": 0.1}], None]
NORMS = ["instance", "BATCH", ["instance", {"affine": True}], ["group", {"num_groups": 2}], ["batch", {"eps": 1e-3, "momentum": 0.3}],
         ["localresponse", {"size": 3}]]
UPSAMPLING = ["deconv", "deconvgroup", "nontrainable", "pixelshuffle"]


def even(rng, least, greatest):
    """An even number, which two groups divide."""
    return 2 * rng.randint(least // 2, greatest // 2)


def maybe(rng, **choices):
    """Each argument left out, or one of its values."""
    return {name: rng.choice(values) for name, values in choices.items() if rng.random() < 0.5}


def ends(rng):
    return dict(in_channels=rng.choice([1, 3]), out_channels=even(rng, 2, 6))


def levels(rng, channels):
    """Strides of the levels but the last, and sides that they divide."""
    strides = [rng.choice([1, 2, 2, 3, [1, 2], [2, 1]]) for _ in channels[1:]]
    sides = [1, 1]
    for stride in strides:
        sides = [side * step for side, step in zip(sides, stride if isinstance(stride, list) else [stride, stride])]
    # At least two pixels at the bottom, which instance norm needs.
    return strides, [side * rng.randint(2, max(2, 40 // side)) for side in sides]


def unet(rng):
    channels = [even(rng, 2, 12) for _ in range(rng.randint(2, 5))]
    strides, sides = levels(rng, channels)
    arguments = ends(rng) | dict(channels=channels, strides=strides) | maybe(
        rng, kernel_size=[1, 3, 5, [3, 5]], up_kernel_size=[3, 5, [1, 3]], num_res_units=[0, 1, 2, 3], act=ACTIVATIONS, norm=NORMS,
        dropout=[0.0, 0.1, 0.5], bias=[True, False], adn_ordering=["NDA", "ADN", "AND", "NA", "A", "N", "DN"])
    return arguments, sides


def attention_unet(rng):
    channels = [even(rng, 2, 12) for _ in range(rng.randint(2, 5))]
    strides, sides = levels(rng, channels)
    arguments = ends(rng) | dict(channels=channels, strides=strides)
    return arguments | maybe(rng, kernel_size=[1, 3, 5], up_kernel_size=[3, 5], dropout=[0.0, 0.2]), sides


def basic_unet(rng):
    arguments = ends(rng) | dict(features=[even(rng, 2, 8) for _ in range(6)])
    arguments |= maybe(rng, act=ACTIVATIONS, norm=NORMS, bias=[True, False], dropout=[0.0, 0.1], upsample=UPSAMPLING)
    return arguments, [rng.randint(32, 52), rng.randint(32, 52)]


def basic_unet_plus_plus(rng):
    arguments, sides = basic_unet(rng)
    return arguments | maybe(rng, deep_supervision=[True]), sides


def seg_res_net(rng):
    down = [rng.randint(0, 2) for _ in range(rng.randint(1, 4))]
    arguments = ends(rng) | dict(init_filters=even(rng, 2, 8), blocks_down=down, blocks_up=[rng.randint(0, 2) for _ in down[1:]])
    arguments |= dict(norm=rng.choice(["instance", "batch", ["group", {"num_groups": 2}]]))
    arguments |= maybe(rng, act=[act for act in ACTIVATIONS if act is not None], dropout_prob=[0.2], use_conv_final=[False],
                       upsample_mode=["deconv", "nontrainable", "pixelshuffle"])
    side = 2 ** (len(down) - 1)
    return arguments, [side * rng.randint(2, max(2, 40 // side)) for _ in range(2)]


DRAWN = {"UNet": unet, "AttentionUnet": attention_unet, "BasicUNet": basic_unet, "BasicUNetPlusPlus": basic_unet_plus_plus, "SegResNet": seg_res_net}


def draw_network(name, rng):
    """Returns the class, the shape of an input and the arguments."""
    arguments, sides = DRAWN[name](rng)
    return name, (rng.randint(1, 3), arguments["in_channels"], *sides), arguments


def write_networks(folder, count, rng):
    makers = [*(lambda rng, name=name: draw_network(name, rng) for name in DRAWN), golden_dyn.draw, golden_flexible_unet.draw]
    for index in range(count):
        while True:
            name, shape, arguments = makers[index % len(makers)](rng)
            # Noise would make the deep encoders of FlexibleUNet explode.
            disturb = golden_flexible_unet.disturb if name == "FlexibleUNet" else golden_networks.add_noise
            try:
                golden_networks.write_network(folder, name, f"{index:03}", name, shape, arguments, rng.randrange(2**31), disturb)
                break
            except (ValueError, TypeError, RuntimeError, AssertionError) as error:
                # Drawn arguments that MONAI itself refuses.
                print(f"not {name} {shape} {arguments}: {str(error).splitlines()[0]}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--networks", type=int, default=42)
    parser.add_argument("--losses", type=int, default=200)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    write_networks(given.folder, given.networks, random.Random(given.seed))
    golden_loss_arguments.write_cases(given.folder / "losses.safetensors", given.seed, given.losses)
