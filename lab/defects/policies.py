"""What goes wrong with migration policies: which one holds, what it carries, for whom, and for how long."""

from __future__ import annotations

from .defect import Defect, written
from .objects import copy_of, with_state
from .write import Object, Write

IGNORED_FOR_VMI = "policy-of-vmi-ignored"
ONLY_NAMED = "policy-only-named"
VALUES_LEAK = "policy-leaks"
OUTLIVES = "policy-outlives-its-deletion"
FEWEST_LABELS_WIN = "policy-with-fewest-labels"
VMI_LABELS_FIRST = "policy-by-vmi-labels-first"
NAMESPACE_WINS_TIES = "policy-of-namespace-wins-ties"
LAST_NAME_WINS = "policy-last-by-name"
NAMES_COUNTED = "policy-names-counted"
OLDEST_WINS = "policy-oldest"
NEWEST_WINS = "policy-newest"
FIRST_KEY_WINS = "policy-by-label-key"
VMI_SELECTOR_IGNORED = "policy-vmi-selector-ignored"
NAMESPACE_SELECTOR_IGNORED = "policy-namespace-selector-ignored"
ANY_LABEL_SUFFICES = "policy-any-label-suffices"
FIELD_DROPPED = "policy-field-dropped"
FIELDS_RESET = "policy-resets-fields"
ZERO_IS_NOTHING = "policy-zero-is-nothing"
DISRUPTION_APART = "policy-disruption-apart"
FOLLOWED = "policy-followed-under-way"


def policy_name_lost(write: Write) -> Object | None:
    """The policy's values apply, and nothing says where they come from."""
    made = with_state(write)
    if made:
        made["status"]["migrationState"].pop("migrationPolicyName", None)
    return made


def default_policy_named(write: Write) -> Object | None:
    """A migration without a policy says that it had one."""
    made = with_state(write)
    if made and "migrationConfiguration" in made["status"]["migrationState"]:
        made["status"]["migrationState"].setdefault("migrationPolicyName", "default")
    return made


def policies_unchecked(write: Write) -> Object | None:
    """The webhook that looks at new policies is not registered."""
    if write.kind != "ValidatingWebhookConfiguration":
        return None
    made = copy_of(write)
    made["webhooks"] = [hook for hook in made["webhooks"] if not hook["name"].startswith("migration-policy-")]
    return made


WINS = ("POL-04",)
DEFECTS: tuple[Defect, ...] = (
    Defect(IGNORED_FOR_VMI, "policies that select no namespace have no effect", ("POL-01", "POL-04", "POL-06")),
    Defect(ONLY_NAMED, "a policy that selects no namespace is named and not applied", ("POL-01", "POL-06")),
    written(policy_name_lost, "nothing says which policy applied", "HAP-23", "POL-01", "POL-03", "POL-04"),
    written(default_policy_named, "a migration without a policy names one", "POL-02", "POL-03", "POL-05"),
    Defect(VALUES_LEAK, "a policy's values stay for VMs that have none", ("POL-02", "POL-03")),
    Defect(OUTLIVES, "a policy goes on applying when it has been deleted", ("POL-03",)),
    Defect(FEWEST_LABELS_WIN, "of two policies the one with fewer labels applies", WINS),
    Defect(VMI_LABELS_FIRST, "one label of the VMI outweighs any number of the namespace's", WINS),
    Defect(NAMESPACE_WINS_TIES, "of as many labels the namespace's win", WINS),
    Defect(LAST_NAME_WINS, "of equal policies the last by name applies", WINS),
    Defect(NAMES_COUNTED, "numbers in the names of equal policies are compared as numbers", WINS),
    Defect(OLDEST_WINS, "of equal policies the oldest applies", WINS),
    Defect(NEWEST_WINS, "of equal policies the newest applies", WINS),
    Defect(FIRST_KEY_WINS, "equal policies are told apart by their label keys", WINS),
    Defect(
        VMI_SELECTOR_IGNORED,
        "policies do not look at the VMI's labels",
        ("POL-04", "POL-05", "POL-02", "POL-03", "POL-06"),
    ),
    Defect(
        NAMESPACE_SELECTOR_IGNORED,
        "policies do not look at the namespace's labels",
        ("POL-04", "POL-05", "POL-03", "HAP-23"),
    ),
    Defect(ANY_LABEL_SUFFICES, "a policy applies when one of its labels matches", ("POL-02", "POL-05")),
    Defect(FIELD_DROPPED, "a policy that selects no namespace does not carry allowAutoConverge", ("POL-06",)),
    Defect(FIELDS_RESET, "a policy that selects no namespace resets what it does not mention", ("POL-01", "POL-06")),
    Defect(ZERO_IS_NOTHING, "zero or false counts as not set in a policy that selects no namespace", ("POL-06",)),
    Defect(
        DISRUPTION_APART,
        "allowWorkloadDisruption does not follow the allowPostCopy of a policy that selects no namespace",
        ("POL-06",),
    ),
    written(policies_unchecked, "policies are not checked when they are created", "POL-06"),
    Defect(FOLLOWED, "a migration under way takes on what has become of its policy", ("HAP-23",)),
)
