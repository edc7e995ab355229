"""The groups of the lineage page, numbered so that the list reads as the data flows.

Belongs here: group names and who owns what. Which asset is in which group is told by the assets.
"""

SOURCES = "1_sources"
LANDED = "2_landed"
STAGING = "3_staging"
INTERMEDIATE = "4_intermediate"
MARTS = "5_marts"
ROLLUPS = "6_rollups"
OPERATIONAL = "7_operational"
SERVING = "8_serving"

# The first folder of a warehouse model -> its group.
WAREHOUSE_GROUPS = {
    "staging": STAGING,
    "intermediate": INTERMEDIATE,
    "marts": MARTS,
    "rollups": ROLLUPS,
}

# Says how fresh the rollups are; confirmed while nothing lands.
CONFIRMED = ("rollups", "rollup_freshness")

DATA_ENGINEERING = "team:data-engineering"
ANALYTICS = "team:analytics"
PRODUCT = "team:product"
BACKEND = "team:backend"
