"""The server that a user would write in Python instead: the peer of `scripts/bench serve` and `start`.

    uvicorn serve:app --app-dir benches/peers --port PORT

MONAI's UNet as TorchScript behind FastAPI, with one worker: an upload is decoded, segmented, blended with a colour map by MONAI
and answered as JPEG. MODEL is the TorchScript file, which is made if it is missing.
"""

import io
import os
import pathlib

import monai
import torch
from fastapi import FastAPI, Response, UploadFile
from monai.visualize.utils import blend_images
from PIL import Image
from torchvision.transforms import functional

ARGUMENTS = {"spatial_dims": 2, "in_channels": 3, "out_channels": 2, "channels": (16, 32, 64, 128, 256), "strides": (2, 2, 2, 2),
             "num_res_units": 2}


def load(path):
    if not path.exists():
        torch.manual_seed(0)
        torch.jit.script(monai.networks.nets.UNet(**ARGUMENTS).eval()).save(path)
    return torch.jit.load(path).eval()


model = load(pathlib.Path(os.environ["MODEL"]))
app = FastAPI()


@app.get("/health")
def health():
    return {"status": "ok"}


@app.post("/predict-img/")
async def predict_img(data: UploadFile):
    image = functional.to_tensor(Image.open(data.file).convert("RGB"))
    with torch.inference_mode():
        mask = model(image[None]).argmax(dim=1)
    blended = blend_images(image, mask, cmap="YlGn", transparent_background=True)
    answer = io.BytesIO()
    functional.to_pil_image(torch.as_tensor(blended)).save(answer, format="JPEG")
    return Response(answer.getvalue(), media_type="image/jpeg")
