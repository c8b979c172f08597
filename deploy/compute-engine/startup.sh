#!/bin/bash
# Start-up script of a Compute Engine machine on Container-Optimized OS: trains one model and stops the machine.
#
# Settings are attributes of the machine's metadata:
#   bcs-image          image of the trainer, with tag or digest
#   bcs-gpu            true for a machine with an NVIDIA GPU; needs an image built with CUDA=true
#   bcs-data-bucket    bucket of the training data: train, train_mask, val, val_mask
#   bcs-models-bucket  bucket of the models
#   bcs-overrides      overrides of the training configuration, separated by spaces
#
# Data is copied to the disk and the model to the bucket with gcloud storage, since Container-Optimized OS has no gcsfuse. A
# spot machine that is stopped starts this script again when it is started, and the training goes on from its last checkpoint.
# The machine stays up after a failure, so that its log and disk can be looked at.
set -euo pipefail

attribute() {
    curl --fail --silent --show-error --header 'Metadata-Flavor: Google' \
        "http://metadata.google.internal/computeMetadata/v1/instance/attributes/$1"
}

image=$(attribute bcs-image)
gpu=$(attribute bcs-gpu)
data_bucket=$(attribute bcs-data-bucket)
models_bucket=$(attribute bcs-models-bucket)
read -r -a overrides <<<"$(attribute bcs-overrides)"

work=/var/lib/bcs
mkdir -p "$work/data" "$work/models" "$work/docker"
# The root of Container-Optimized OS is read-only, and so is root's home.
export HOME=$work DOCKER_CONFIG=$work/docker

done_marker=$work/done
if [ -e "$done_marker" ]; then
    echo "bcs: the model of this machine is trained; delete $done_marker to train another."
    exit
fi

gcloud_image=gcr.io/google.com/cloudsdktool/google-cloud-cli:slim
storage() { docker run --rm --volume "$work:$work" "$gcloud_image" gcloud storage "$@"; }

docker-credential-gcr configure-docker --registries "${image%%/*}"
docker pull --quiet "$image"

device=()
if [ "$gpu" = true ]; then
    cos-extensions install gpu
    mount --bind /var/lib/nvidia /var/lib/nvidia
    mount -o remount,exec /var/lib/nvidia
    device=(--volume /var/lib/nvidia/lib64:/usr/local/nvidia/lib64:ro --env LD_LIBRARY_PATH=/usr/local/nvidia/lib64
        --device /dev/nvidia0 --device /dev/nvidia-uvm --device /dev/nvidiactl)
fi

echo "bcs: copying gs://$data_bucket"
storage rsync --recursive "gs://$data_bucket" "$work/data"
# The user of the image.
chown -R 65532:65532 "$work/models"

# What is left unfinished on the disk goes on.
overrides=(train_hyp.resume=auto "${overrides[@]}")
echo "bcs: training with ${overrides[*]}"
# Twice the time that a checkpoint takes when the machine is stopped.
docker run --rm --stop-timeout 20 --read-only --cap-drop ALL --security-opt no-new-privileges \
    --volume "$work/data:/gcs/data:ro" --volume "$work/models:/gcs/models" --env LOG_FORMAT=json \
    "${device[@]}" "$image" "${overrides[@]}" data.root=/gcs/data train_hyp.model_repo_location=/gcs/models

storage rsync --recursive "$work/models" "gs://$models_bucket"
touch "$done_marker"
echo "bcs: the model is in gs://$models_bucket; stopping"
shutdown --poweroff now
