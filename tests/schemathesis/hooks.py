"""Seeds the requests of schemathesis with what random data never hits: real images, and the ids of stored predictions."""

import base64
import io
import json
import os

import schemathesis
from hypothesis import strategies as st
from PIL import Image, ImageDraw

IDS = os.environ["PREDICTION_IDS"].split(",")


def tile(width, height, mode="RGB"):
    image = Image.new(mode, (width, height), 200)
    ImageDraw.Draw(image).ellipse((0, 0, width - 1, height - 1), fill=90)
    return image


def encoded(image, kind):
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


TILE = encoded(tile(64, 64), "PNG")
IMAGES = [
    TILE,
    encoded(tile(100, 70), "JPEG"),
    encoded(tile(64, 64, "L"), "TIFF"),
    encoded(tile(64, 64), "WEBP"),
    encoded(tile(2, 2), "BMP"),
    TILE[:60],
    b"GIF89a",
    b"",
]
# Codes of the model: 0 and 1.
MASKS = [
    encoded(Image.new("L", (64, 64), 1), "PNG"),
    encoded(Image.new("L", (64, 64), 9), "PNG"),
    encoded(Image.new("L", (32, 64), 0), "PNG"),
    encoded(Image.new("L", (64, 64), 1), "JPEG"),
]

schemathesis.openapi.format("binary", st.one_of(st.sampled_from(IMAGES), st.binary(max_size=64)))
schemathesis.openapi.format("byte", st.sampled_from([base64.b64encode(image).decode() for image in IMAGES]))
schemathesis.openapi.media_type("image/png", st.one_of(st.sampled_from(MASKS + IMAGES), st.binary(max_size=64)))


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    """Half of the ids exist."""
    if path_parameters and "id" in path_parameters and len(json.dumps(path_parameters)) % 2 == 0:
        path_parameters["id"] = IDS[len(str(path_parameters["id"])) % len(IDS)]
    return path_parameters
