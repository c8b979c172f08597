"""Uses the API through a client that openapi-python-client generates from its description, as another program would.

Usage: client.py ADDRESS WORK, where WORK has the generated package `client`.
Checks the GeoJSON by the models of RFC 7946, and that its polygons are valid and cover each pixel once.
"""

import base64
import io
import sys

import numpy as np
from geojson_pydantic import FeatureCollection
from PIL import Image
from shapely import contains_xy
from shapely.geometry import shape

address, work = sys.argv[1:]
sys.path.insert(0, work)

from client import Client  # noqa: E402
from client.api.predictions import label, mask, predict, predict_img, record, regions  # noqa: E402
from client.api.service import info, ready  # noqa: E402
from client.models import ImageForm, Instance, Instances, PredictImgOutput  # noqa: E402
from client.types import File  # noqa: E402

WIDTH, HEIGHT = 90, 70


def tile() -> bytes:
    """A patterned image."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    pixels = np.stack([x * 7 % 200 + 55, y * 5 % 256, (x ^ y) % 256], axis=-1)
    bytes_ = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(bytes_, "png")
    return bytes_.getvalue()


def codes(bytes_: bytes) -> np.ndarray:
    """The class codes of a mask."""
    return np.array(Image.open(io.BytesIO(bytes_)))


def check_regions(collection: dict, expected: np.ndarray) -> None:
    FeatureCollection.model_validate(collection)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    covered = np.zeros((HEIGHT, WIDTH), dtype=int)
    for feature in collection["features"]:
        geometry = shape(feature["geometry"])
        assert geometry.is_valid, feature["properties"]
        inside = contains_xy(geometry, x + 0.5, y + 0.5)
        assert (inside == (expected == feature["properties"]["code"])).all(), feature["properties"]
        covered += inside
    assert (covered == 1).all()


with Client(base_url=address, raise_on_unexpected_status=True) as client:
    assert ready.sync(client=client).status == "ready"
    model = info.sync(client=client).model
    classes = {class_.code: class_.name for class_ in model.classes}

    form = ImageForm(data=File(io.BytesIO(tile()), "tile.png", "image/png"))
    answer = predict_img.sync_detailed(client=client, body=form, output=PredictImgOutput.MASK, x_case="P0017")
    assert answer.status_code == 200, answer
    identifier = answer.headers["x-prediction-id"]
    expected = codes(answer.content)
    assert expected.shape == (HEIGHT, WIDTH) and set(np.unique(expected)) <= set(classes)

    stored = record.sync(client=client, id=identifier)
    assert stored.case == "P0017" and stored.model_version == model.version
    pixels = {class_.code: class_.pixels for class_ in stored.classes}
    assert pixels == {code: int((expected == code).sum()) for code in classes}
    assert (codes(mask.sync(client=client, id=identifier).payload.read()) == expected).all()

    check_regions(regions.sync_detailed(client=client, id=identifier).parsed.to_dict(), expected)

    corrected = File(io.BytesIO(mask.sync(client=client, id=identifier).payload.read()))
    agreement = label.sync(client=client, id=identifier, body=corrected)
    assert all(value in (None, 1.0) for value in agreement.dice.to_dict().values()), agreement

    text = base64.b64encode(tile()).decode()
    predictions = predict.sync(client=client, body=Instances(instances=[Instance(b64=text)] * 2)).predictions
    assert [(codes(base64.b64decode(one.mask)) == expected).all() for one in predictions] == [True, True]

    problem = record.sync(client=client, id="0")
    assert problem.status == 404 and problem.detail, problem

print("client: predicted, labelled, and read back; the regions are valid and cover each pixel once")
