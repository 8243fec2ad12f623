"""The JSON schema of a study's configuration, for editors and for reference."""

import json

from rungs.config.study import Study


def schema_text() -> str:
    """Return the schema, generated from the typed configuration, as indented JSON."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    schema |= Study.model_json_schema()
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
