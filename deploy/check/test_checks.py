"""The checks find what they are there for: each mutation of a copy of deploy/ fails the check that is named."""

import pathlib
import shutil
import tempfile
import unittest

import api_check
import hcl_check
import names_check
import schema_check
import terraform_run
from report import Problem

DEPLOY = pathlib.Path(__file__).resolve().parent.parent
PREDICTOR = "terraform/modules/predictor/main.tf"

# Check, file, text, its replacement, and a part of the complaint.
MUTATIONS = [
    ("hcl", PREDICTOR, "startup_cpu_boost = true", "startup_boost = true", "no argument startup_boost"),
    ("hcl", PREDICTOR, "      image = var.image\n", "", "image is required"),
    ("hcl", PREDICTOR, "var.models_bucket", '"models"', "models_bucket is not used"),
    ("hcl", PREDICTOR, "var.models_bucket", "var.model_bucket", "var.model_bucket is not declared"),
    ("hcl", PREDICTOR, "google_cloud_run_v2_service.predictor.location", "google_cloud_run_v2_service.predictor.place", "place"),
    ("hcl", PREDICTOR, "google_cloud_run_v2_service.predictor.name", "google_cloud_run_v2_service.monitor.name", "monitor is not"),
    ("hcl", "terraform/main.tf", "  model_path          = var.model_path\n", "", "is not given model_path"),
    ("hcl", "terraform/main.tf", "module.buckets.names.data", "module.buckets.name.data", "has no output name"),
    ("hcl", "terraform/main.tf", "  retention_days = var.retention_days\n", "  retention = 3\n", "has no variable retention"),
    ("hcl", "terraform/main.tf", '"./modules/vertex"', '"./modules/vertexes"', "there is no folder"),
    ("hcl", "terraform/terraform.tfvars.example", "# batch_tasks  ", "# batch_count  ", "no variable batch_count"),
    ("hcl", "terraform/variables.tf", 'description = "Id of the Google Cloud project."\n', "\n", "has no description"),
    ("hcl", PREDICTOR, "}\n", "", "cannot be parsed"),
    ("terraform", PREDICTOR, '"300s"', "[300]", "timeout"),
    ("terraform", "terraform/modules/secrets/main.tf", "secret_id = \"bcs-api-keys\"", 'secret_id   = "bcs-api-keys"', "fmt"),
    ("terraform", "terraform/variables.tf", "[a-z]+[0-9]+$", "[a-z]+[0-9]+.*$", "a_zone_is_no_region"),
    ("terraform", "terraform/modules/buckets/main.tf", '"enforced"', '"inherited"', "could be made public"),
    ("api", "cloud-run/predictor.yaml", "containerConcurrency", "concurrency", "concurrency"),
    ("api", "cloud-run/segment.yaml", "taskCount: 8", "taskCount: eight", "eight"),
    ("api", "scheduler/drift.yaml", "httpMethod: POST", "httpMethod: SEND", "SEND"),
    ("api", "scheduler/drift.yaml", "900s", "15m", "15m"),
    ("api", "vertex-ai/train-spot.yaml", "strategy: SPOT", "strategy: CHEAP", "CHEAP"),
    ("api", "vertex-ai/model.yaml", "predictRoute", "predictionRoute", "predictionRoute"),
    ("api", "vertex-ai/tune.yaml", "${REGISTRY}", "${REGISTER}", "REGISTER"),
    ("names", "cloud-run/predictor.yaml", "MODEL_PATH, value", "MODEL_FILE, value", "MODEL_FILE"),
    ("names", "cloud-run/predictor.yaml", "/ready", "/readiness", "/readiness"),
    ("names", PREDICTOR, "PREDICTIONS_BUCKET ", "PREDICTION_BUCKET ", "PREDICTION_BUCKET"),
    ("names", PREDICTOR, '"/health"', '"/healthz"', "/healthz"),
    ("names", "compose/compose.yaml", "REPORTS_BUCKET", "REPORT_BUCKET", "REPORT_BUCKET"),
    ("names", "compose/compose.yaml", "train_hyp.max_epochs=4", "train_hyp.epochs=4", "train_hyp.epochs"),
    ("names", "vertex-ai/train-cpu.yaml", "train_hyp_gcp_cpu", "train_hyp_gcp_tpu", "train_hyp_gcp_tpu"),
    ("names", "vertex-ai/tune.yaml", "train_hyp.loss", "train_hyp.losses", "train_hyp.losses"),
    ("names", "vertex-ai/train-spot.yaml", "every_n_train_steps", "every_n_steps", "train_hyp.checkpoint.every_n_steps"),
    ("names", "compute-engine/startup.sh", "train_hyp.resume", "train_hyp.restart", "train_hyp.restart"),
    ("names", "vertex-ai/tune.yaml", "metricId: val_metric", "metricId: val_dice", "reports the metric val_metric"),
    ("names", "vertex-ai/model.yaml", "predictRoute: /predict", "predictRoute: /predicts", "/predicts"),
    ("names", "scheduler/drift.yaml", "/run", "/runs", "/runs"),
    ("names", "prometheus/rules.yml", "bcs_predictor_store_seconds", "bcs_predictor_storing_seconds", "storing"),
    ("names", "grafana/bcs.json", "bcs_predictor_queue_length", "bcs_predictor_queue_size", "queue_size"),
    ("names", "terraform/modules/monitoring/main.tf", "The run is done.", "The run is over.", "The run is over."),
    ("schema", "compose/compose.yaml", "depends_on:", "depend_on:", "depend_on"),
]
CHECKS = {"hcl": lambda deploy: hcl_check.check(deploy / "terraform"), "terraform": terraform_run.check,
          "api": api_check.check, "names": names_check.check, "schema": schema_check.check}


class Mutations(unittest.TestCase):
    def test_each_mutation_fails_its_check(self):
        terraform = shutil.which("terraform") or shutil.which("tofu")
        for check, file, text, replacement, complaint in MUTATIONS:
            if check == "terraform" and not terraform:
                continue
            with self.subTest(check=check, file=file, text=text), tempfile.TemporaryDirectory() as folder:
                deploy = pathlib.Path(folder) / "deploy"
                shutil.copytree(DEPLOY, deploy, ignore=shutil.ignore_patterns("__pycache__", ".terraform*"))
                before = (deploy / file).read_text()
                self.assertIn(text, before)
                (deploy / file).write_text(before.replace(text, replacement))
                with self.assertRaises(Problem) as caught:
                    CHECKS[check](deploy)
                self.assertIn(complaint, str(caught.exception))


if __name__ == "__main__":
    unittest.main()
