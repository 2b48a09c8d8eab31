"""The job graph as pipelines and triggers of Azure Data Factory, in a template that `az deployment group create` takes.

https://learn.microsoft.com/azure/templates/microsoft.datafactory/factories/pipelines and …/factories/triggers; the activity:
https://learn.microsoft.com/azure/data-factory/transform-data-databricks-python
"""

from __future__ import annotations

from typing import Any, Final

from local.workflows.airflow import description
from local.workflows.databricks import IN_DATABRICKS, RUNTIME, SIZES, libraries
from local.workflows.schedule import Workflow, recurrence, retries, workflows
from spark.jobs.graph import Job

_VERSION: Final = "2018-06-01"
_LONGEST: Final = "0.01:00:00"
_RETRY_AFTER_S: Final = 300
_LINKED_SERVICE: Final = "galen_databricks"


def template() -> dict[str, Any]:
    """An ARM template: a pipeline with its trigger for each workflow, and the linked service that they run on."""
    made = workflows()
    return {
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "parameters": {
            "factoryName": {"type": "string", "metadata": {"description": "an existing data factory"}},
            "workspaceUrl": {"type": "string", "metadata": {"description": "https://adb-….azuredatabricks.net"}},
            "workspaceResourceId": {
                "type": "string", "metadata": {"description": "for which the factory's managed identity is a contributor"},
            },
            "lake": {"type": "string", "metadata": {"description": "abfss://<file system>@<account>.dfs.core.windows.net"}},
            "pythonFile": {"type": "string", "defaultValue": "dbfs:/galen/spark_job.py"},
        },
        "resources": [
            _linked_service(),
            *(_pipeline(workflow) for workflow in made),
            *(_trigger(workflow) for workflow in made),
        ],
    }  # fmt: skip


def pipeline(workflow: Workflow) -> dict[str, Any]:
    """One pipeline as the factory's own editor and its Git repository show it."""
    return {
        "name": f"galen-{workflow.name}",
        "properties": {
            "description": description(workflow),
            "concurrency": 1,
            "parameters": {"lake": {"type": "String"}, "pythonFile": {"type": "String"}},
            "activities": [_activity(workflow, job) for job in workflow.jobs],
            "annotations": ["galen"],
        },
    }


def _activity(workflow: Workflow, job: Job) -> dict[str, Any]:
    return {
        "name": job.name,
        "description": job.does,
        "type": "DatabricksSparkPython",
        "dependsOn": [
            {"activity": name, "dependencyConditions": ["Succeeded"]} for name in workflow.before(job)
        ],
        "policy": {"timeout": _LONGEST, "retry": retries(job), "retryIntervalInSeconds": _RETRY_AFTER_S},
        "linkedServiceName": {"referenceName": _LINKED_SERVICE, "type": "LinkedServiceReference"},
        "typeProperties": {
            "libraries": libraries(job),
            "pythonFile": {"value": "@pipeline().parameters.pythonFile", "type": "Expression"},
            "parameters": [job.name, "--lake", "@pipeline().parameters.lake"],
        },
    }


def _linked_service() -> dict[str, Any]:
    return {
        "type": "Microsoft.DataFactory/factories/linkedservices",
        "apiVersion": _VERSION,
        "name": f"[concat(parameters('factoryName'), '/{_LINKED_SERVICE}')]",
        "properties": {
            "type": "AzureDatabricks",
            "typeProperties": {
                "domain": "[parameters('workspaceUrl')]",
                "authentication": "MSI",
                "workspaceResourceId": "[parameters('workspaceResourceId')]",
                "newClusterVersion": RUNTIME,
                "newClusterNumOfWorker": SIZES["workers"],
                "newClusterNodeType": SIZES["node_type"],
                "newClusterSparkEnvVars": IN_DATABRICKS,
            },
        },
    }


def _pipeline(workflow: Workflow) -> dict[str, Any]:
    made = pipeline(workflow)
    return {
        "type": "Microsoft.DataFactory/factories/pipelines",
        "apiVersion": _VERSION,
        "name": f"[concat(parameters('factoryName'), '/{made['name']}')]",
        "dependsOn": [_id("linkedServices", _LINKED_SERVICE)],
        "properties": made["properties"],
    }


def _trigger(workflow: Workflow) -> dict[str, Any]:
    name = f"galen-{workflow.name}"
    return {
        "type": "Microsoft.DataFactory/factories/triggers",
        "apiVersion": _VERSION,
        "name": f"[concat(parameters('factoryName'), '/{name}')]",
        "dependsOn": [_id("pipelines", name)],
        "properties": {
            "type": "ScheduleTrigger",
            "typeProperties": {"recurrence": recurrence(workflow.every_minutes)},
            "pipelines": [
                {
                    "pipelineReference": {"referenceName": name, "type": "PipelineReference"},
                    "parameters": {
                        "lake": "[parameters('lake')]",
                        "pythonFile": "[parameters('pythonFile')]",
                    },
                }
            ],
        },
    }


def _id(kind: str, name: str) -> str:
    return f"[resourceId('Microsoft.DataFactory/factories/{kind}', parameters('factoryName'), '{name}')]"
