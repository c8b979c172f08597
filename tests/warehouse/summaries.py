"""Writes the per-case summaries that `bcs-drift-monitor run --summaries` judges, from the tables of
`bcs-drift-monitor compact`.

    python summaries.py 'compact/*/*.parquet' summaries.csv [MODEL_VERSION]
"""

import sys

import duckdb

# Columns of the record; all others are features.
RECORD = {
    "id", "time", "model_version", "source", "case", "image_sha256", "width", "height", "record_format",
    "drift_score", "date",
}  # fmt: skip


def mean(feature: str) -> str:
    """The SQL of the mean of a feature over the images of a case."""
    name = '"' + feature.replace('"', '""') + '"'
    return f"avg({name}) AS {name}"


def main(tables: str, output: str, version: str | None = None) -> None:
    """Summarizes the tables."""
    tables = tables.replace("'", "''")
    source = f"read_parquet('{tables}', union_by_name = true)"
    columns = [row[0] for row in duckdb.sql(f"DESCRIBE SELECT * FROM {source}").fetchall()]
    means = ", ".join(mean(column) for column in columns if column not in RECORD)
    chosen = "" if version is None else "AND model_version = $version"
    query = f"""
        -- An image that was sent again counts once.
        WITH images AS (
            SELECT * FROM {source} WHERE "case" IS NOT NULL {chosen}
            QUALIFY image_sha256 = '' OR row_number() OVER (PARTITION BY image_sha256 ORDER BY id) = 1
        )
        SELECT "case", count(*) AS images, {means} FROM images GROUP BY "case" ORDER BY "case"
    """
    parameters = {} if version is None else {"version": version}
    duckdb.sql(query, params=parameters).write_csv(output)


if __name__ == "__main__":
    main(*sys.argv[1:])
