"""The REST bodies: what is given and nothing else."""

from collections.abc import Callable

from vmpack import gallery
from vmpack.installer.model import Commands
from vmpack.manifest.model import Manifest

COMMANDS = Commands(install="i", remove="r", update="u")


def test_the_smallest_version(manifest: Callable[..., Manifest]) -> None:
    assert gallery.version_resource(manifest(), Commands("i", "r", None)) == {
        "properties": {
            "publishingProfile": {
                "manageActions": {"install": "i", "remove": "r"},
                "settings": {"packageFileName": "hello.tar"},
            }
        }
    }


def test_every_property_finds_its_place(manifest: Callable[..., Manifest]) -> None:
    wanted = manifest(
        location="westeurope",
        targetRegions=[
            {
                "name": "westeurope",
                "regionalReplicaCount": 2,
                "storageAccountType": "Premium_LRS",
                "excludeFromLatest": False,
            }
        ],
        replicaCount=1,
        storageAccountType="Standard_ZRS",
        excludeFromLatest=True,
        endOfLifeDate="2030-01-01",
        scriptBehaviorAfterReboot="Rerun",
        safetyProfile={"allowDeletionOfReplicatedLocations": False},
        config={"file": "x/app.json"},
    )
    assert gallery.version_resource(wanted, COMMANDS) == {
        "location": "westeurope",
        "properties": {
            "publishingProfile": {
                "manageActions": {"install": "i", "remove": "r", "update": "u"},
                "settings": {
                    "packageFileName": "hello.tar",
                    "configFileName": "app.json",
                    "scriptBehaviorAfterReboot": "Rerun",
                },
                "targetRegions": [
                    {
                        "name": "westeurope",
                        "regionalReplicaCount": 2,
                        "storageAccountType": "Premium_LRS",
                        "excludeFromLatest": False,
                    }
                ],
                "replicaCount": 1,
                "excludeFromLatest": True,
                "endOfLifeDate": "2030-01-01T00:00:00Z",
                "storageAccountType": "Standard_ZRS",
            },
            "safetyProfile": {"allowDeletionOfReplicatedLocations": False},
        },
    }


def test_links_complete_the_body_and_leave_the_resource_alone(manifest: Callable[..., Manifest]) -> None:
    resource = gallery.version_resource(manifest(location="westeurope"), COMMANDS)
    body = gallery.with_links(resource, "https://a/p", "https://a/c")
    profile = body["properties"]["publishingProfile"]
    assert profile["source"] == {"mediaLink": "https://a/p", "defaultConfigurationLink": "https://a/c"}
    assert profile["manageActions"]["install"] == "i"
    assert "source" not in str(resource)
    alone = gallery.with_links(resource, "https://a/p")["properties"]["publishingProfile"]["source"]
    assert alone == {"mediaLink": "https://a/p"}


def test_a_time_stays_a_time(manifest: Callable[..., Manifest]) -> None:
    resource = gallery.version_resource(manifest(endOfLifeDate="2030-01-01t10:00:00+02:00"), COMMANDS)
    assert "2030-01-01T10:00:00+02:00" in str(resource)


def test_the_application(manifest: Callable[..., Manifest]) -> None:
    wanted = manifest(
        description="d", eula="e", privacyStatementUri="p", releaseNoteUri="r", location="westeurope"
    )
    assert gallery.application_resource(wanted) == {
        "location": "westeurope",
        "properties": {
            "supportedOSType": "Linux",
            "description": "d",
            "eula": "e",
            "privacyStatementUri": "p",
            "releaseNoteUri": "r",
        },
    }


def test_addresses() -> None:
    assert gallery.version_url("s", "my group", "g", "a", "1.0.0") == (
        "/subscriptions/s/resourceGroups/my%20group/providers/Microsoft.Compute/galleries/g/applications/a"
        "/versions/1.0.0?api-version=2024-03-03"
    )
    assert gallery.application_url("s", "r", "g", "a/b").endswith(
        "/applications/a%2Fb?api-version=2024-03-03"
    )
