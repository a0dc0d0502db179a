"""What happened: every event and measurement the kit computes from."""

from __future__ import annotations

from idp_analytics.tables.declare import Column, Kind, Table

_SERVICE = Column("service_id", Kind.ID, "The service concerned.")
_TEAM = Column(
    "team_id", Kind.ID, "The team concerned, where the source names one; else the owner of the service as of the event."
)
_PATH = Column("golden_path_id", Kind.ID, "The golden path used.")
_REQUESTOR = Column("requestor_id", Kind.ID, "Who asked (pseudonym).")
_SUCCESS = ("success", "failure", "error", "cancel")

DEPLOYMENTS = Table(
    "deployments", "one deployment of one service to one environment", ("deployment_id",),
    (
        Column("deployment_id", Kind.ID, "source:native id.", nullable=False),
        _SERVICE,
        Column("environment", Kind.ENUM, "Where to (OpenTelemetry deployment.environment.name).",
               values=("production", "staging", "test", "development")),
        Column("environment_raw", Kind.TEXT, "Where to, as the source writes it."),
        Column("version", Kind.TEXT, "Version or tag deployed."),
        Column("sha", Kind.TEXT, "Commit deployed."),
        Column("kind", Kind.ENUM, "What was deployed.", values=("application", "infrastructure", "config")),
        Column("queued_at", Kind.TIMESTAMP, "When it was asked for."),
        Column("started_at", Kind.TIMESTAMP, "When it began."),
        Column("finished_at", Kind.TIMESTAMP, "When it ended."),
        Column("outcome", Kind.ENUM, "CDEvents outcome; empty: running or not told, never success.", values=_SUCCESS),
        Column("outcome_raw", Kind.TEXT, "How it ended, as the source writes it."),
        Column("is_rollback", Kind.BOOLEAN, "Puts back an earlier version."),
        Column("is_resync", Kind.BOOLEAN, "Applies again what already runs: not a deployment of anything new."),
        Column("initiated_by", Kind.ID, "Who started it (pseudonym)."),
        Column("automated", Kind.BOOLEAN, "Started by a machine."),
        Column("golden_path_id", Kind.ID, "Pipeline or chart used."),
    ),
    time=("finished_at", "started_at", "queued_at"), owned=True,
)  # fmt: skip

CHANGES = Table(
    "changes", "one pull request or one commit", ("change_id",),
    (
        Column("change_id", Kind.ID, "source:native id.", nullable=False),
        _SERVICE,
        Column("repo", Kind.TEXT, "Repository, owner/name."),
        Column("author_id", Kind.ID, "Who wrote it (pseudonym)."),
        Column("kind", Kind.ENUM, "What it is.", values=("pull_request", "commit")),
        Column("sha", Kind.TEXT, "The commit it became on the mainline."),
        Column("first_commit_at", Kind.TIMESTAMP, "When its first commit was authored."),
        Column("opened_at", Kind.TIMESTAMP, "When it was proposed."),
        Column("first_review_at", Kind.TIMESTAMP, "When somebody first looked."),
        Column("approved_at", Kind.TIMESTAMP, "When it was approved."),
        Column("merged_at", Kind.TIMESTAMP, "When it reached the mainline."),
        Column("closed_at", Kind.TIMESTAMP, "When it was closed."),
        Column("lines", Kind.INTEGER, "Lines added and deleted.", unit="lines"),
        Column("title", Kind.TEXT, "What it says it does, in one line."),
        Column("labels", Kind.TEXTS, "Labels and the branch it came from, as written."),
        Column("is_revert", Kind.BOOLEAN, "Takes back an earlier change."),
        Column("origin_sha", Kind.TEXT, "The commit it takes back or was cherry-picked from."),
    ),
    time=("merged_at", "closed_at", "opened_at", "first_commit_at"), owned=True,
)  # fmt: skip

DEPLOYMENT_CHANGES = Table(
    "deployment_changes", "one change contained in one deployment", ("deployment_id", "change_id"),
    (
        Column("deployment_id", Kind.ID, "The deployment.", nullable=False),
        Column("change_id", Kind.ID, "The change it brought.", nullable=False),
        Column("derived", Kind.BOOLEAN, "Worked out by the kit rather than said by the source."),
    ),
)  # fmt: skip

INCIDENTS = Table(
    "incidents", "one incident", ("incident_id",),
    (
        Column("incident_id", Kind.ID, "source:native id.", nullable=False),
        _SERVICE,
        _TEAM,
        Column("severity", Kind.INTEGER, "1 = worst."),
        Column("severity_raw", Kind.TEXT, "Severity as the source writes it."),
        Column("opened_at", Kind.TIMESTAMP, "When it began or was noticed.", nullable=False),
        Column("acknowledged_at", Kind.TIMESTAMP, "When somebody took it."),
        Column("resolved_at", Kind.TIMESTAMP, "When service was restored; empty: still open."),
        Column("deployment_id", Kind.ID, "The deployment that caused it, when somebody said so."),
        Column("change_caused", Kind.BOOLEAN, "A change of ours caused it; empty: not said."),
        Column("postmortem_on", Kind.DATE, "When the postmortem was held."),
        Column("url", Kind.TEXT, "Where to read about it."),
    ),
    time=("opened_at",), owned=True,
)  # fmt: skip

PAGES = Table(
    "pages", "one person notified once", ("page_id",),
    (
        Column("page_id", Kind.ID, "source:native id.", nullable=False),
        Column("incident_id", Kind.ID, "The incident paged for."),
        _SERVICE,
        _TEAM,
        Column("person_id", Kind.ID, "Who was paged (pseudonym)."),
        Column("paged_at", Kind.TIMESTAMP, "When.", nullable=False),
        Column("acknowledged_at", Kind.TIMESTAMP, "When they answered."),
        Column("urgency", Kind.ENUM, "How urgent.", values=("high", "low")),
    ),
    time=("paged_at",), owned=True,
)  # fmt: skip

SERVICE_LEVELS = Table(
    "service_levels", "one objective of one service over one span", ("service_level_id",),
    (
        Column("service_level_id", Kind.ID, "source:native id.", nullable=False),
        _SERVICE,
        _TEAM,
        Column("objective", Kind.TEXT, "What is promised: availability, latency, …"),
        Column("target_share", Kind.NUMBER, "Share of good events or time promised.", unit="share"),
        Column("period_start", Kind.TIMESTAMP, "Start of the span.", nullable=False),
        Column("period_end", Kind.TIMESTAMP, "End of it, exclusive.", nullable=False),
        Column("good_count", Kind.INTEGER, "Good events (or minutes) in it."),
        Column("total_count", Kind.INTEGER, "All events (or minutes) in it."),
    ),
    time=("period_start",), owned=True,
)  # fmt: skip

TICKETS = Table(
    "tickets", "one support request to the platform", ("ticket_id",),
    (
        Column("ticket_id", Kind.ID, "source:native id.", nullable=False),
        Column("team_id", Kind.ID, "The team that asked."),
        _SERVICE,
        _PATH,
        Column("category", Kind.TEXT, "What it is about."),
        Column("priority", Kind.TEXT, "How urgent, as the source writes it."),
        Column("channel", Kind.TEXT, "Where it was asked."),
        Column("created_at", Kind.TIMESTAMP, "When it was asked.", nullable=False),
        Column("first_response_at", Kind.TIMESTAMP, "When somebody answered."),
        Column("resolved_at", Kind.TIMESTAMP, "When it was settled."),
        Column("reopens", Kind.INTEGER, "How often it was opened again."),
        Column("status", Kind.ENUM, "Where it stands.", values=("open", "done")),
        Column("status_raw", Kind.TEXT, "Where it stands, as the source writes it."),
    ),
    time=("created_at",), owned=True,
)  # fmt: skip

COSTS = Table(
    "costs", "one charge on one basis", ("cost_id",),
    (
        Column("cost_id", Kind.ID, "source:native id, or source:file:row:basis.", nullable=False),
        Column("period_start", Kind.TIMESTAMP, "Start of what is charged for (FOCUS ChargePeriodStart).", nullable=False),
        Column("period_end", Kind.TIMESTAMP, "End of it, exclusive.", nullable=False),
        Column("billing_period_on", Kind.DATE, "First day of the billing period that invoices it; the invoice view."),
        _SERVICE,
        _TEAM,
        Column("owner_raw", Kind.TEXT, "Who the charge says it belongs to, as written in the tag that was used."),
        Column("provider", Kind.TEXT, "Who provides what is charged for (FOCUS ServiceProviderName, else ProviderName)."),
        Column("account", Kind.TEXT, "Sub-account the charge fell on."),
        Column("component", Kind.TEXT, "What is charged for (FOCUS ServiceName)."),
        Column("sku", Kind.TEXT, "Which price list position of it (FOCUS SkuPriceId, else SkuId); in a cluster the resource: cpu, ram, …."),
        Column("resource", Kind.TEXT, "Which resource (FOCUS ResourceId)."),
        Column("environment", Kind.ENUM, "Where it ran, by the tag that names it (OpenTelemetry deployment.environment.name).",
               values=("production", "staging", "test", "development")),
        Column("environment_raw", Kind.TEXT, "Where it ran, as the tag says it."),
        Column("category", Kind.TEXT, "FOCUS ChargeCategory, lower case: usage, purchase, tax, credit, adjustment."),
        Column("is_correction", Kind.BOOLEAN, "Corrects a period already invoiced (FOCUS ChargeClass)."),
        Column("is_unused_commitment", Kind.BOOLEAN, "Paid for and not used (FOCUS CommitmentDiscountStatus Unused)."),
        Column("quantity", Kind.MONEY, "How much was used (FOCUS ConsumedQuantity, else PricingQuantity), exact; the same on every basis."),
        Column("quantity_unit", Kind.TEXT, "Of what (FOCUS ConsumedUnit, else PricingUnit)."),
        Column("amount", Kind.MONEY, "The money, exact.", nullable=False),
        Column("currency", Kind.TEXT, "ISO 4217 code or the name of a virtual currency; never added across.", nullable=False),
        Column("basis", Kind.ENUM, "billed = cash, as invoiced; effective = amortised; list, contracted = at those prices.",
               nullable=False, values=("billed", "effective", "list", "contracted")),
    ),
    time=("period_start",), owned=True,
    repeats=(
        "service_id", "team_id", "owner_raw", "provider", "account", "component", "sku", "resource", "environment", "environment_raw",
        "category", "quantity_unit", "currency", "basis", "source", "load_id",
    ),
)  # fmt: skip

SURVEY_RESPONSES = Table(
    "survey_responses", "one answer of one respondent to one question", ("response_id", "question_id", "value_index"),
    (
        Column("response_id", Kind.ID, "One respondent in one wave (pseudonym).", nullable=False),
        Column("question_id", Kind.ID, "Question, item@version.", nullable=False),
        Column("value_index", Kind.INTEGER, "0 for single answers; 0, 1, … for several.", nullable=False),
        Column("survey_id", Kind.ID, "Which survey.", nullable=False),
        Column("wave", Kind.TEXT, "Which round of it.", nullable=False),
        Column("team_id", Kind.ID, "The respondent's team."),
        Column("person_id", Kind.ID, "Pseudonym that lasts across waves, where allowed."),
        Column("submitted_at", Kind.TIMESTAMP, "When."),
        Column("value", Kind.NUMBER, "The answer as a number."),
        Column("label", Kind.TEXT, "The answer as chosen."),
        Column("scale_min", Kind.NUMBER, "Lowest possible answer."),
        Column("scale_max", Kind.NUMBER, "Highest possible answer."),
        Column("text", Kind.TEXT, "Open text; only where the survey asked leave to keep it."),
    ),
    time=("submitted_at",),
)  # fmt: skip

COMMENT_CODES = Table(
    "comment_codes", "one theme that one person found in one comment", ("response_id", "question_id", "coder", "theme"),
    (
        Column("response_id", Kind.ID, "The response the comment is in.", nullable=False),
        Column("question_id", Kind.ID, "The open question it answers.", nullable=False),
        Column("coder", Kind.TEXT, "Who read it, by any name.", nullable=False),
        Column("theme", Kind.TEXT, "The theme, as the codebook calls it; none: the comment has no theme.", nullable=False),
    ),
    is_fact=False,
)  # fmt: skip

ACTION_RUNS = Table(
    "action_runs", "one run of one self-service operation", ("run_id",),
    (
        Column("run_id", Kind.ID, "source:native id.", nullable=False),
        Column("operation_id", Kind.ID, "What was asked for.", nullable=False),
        _PATH,
        Column("version", Kind.TEXT, "Version of the path used."),
        _SERVICE,
        _TEAM,
        _REQUESTOR,
        Column("requested_at", Kind.TIMESTAMP, "When it was asked for.", nullable=False),
        Column("started_at", Kind.TIMESTAMP, "When it began."),
        Column("finished_at", Kind.TIMESTAMP, "When it ended."),
        Column("usable_at", Kind.TIMESTAMP, "When the result could be used."),
        Column("outcome", Kind.ENUM, "How it ended (CDEvents words).", values=_SUCCESS),
        Column("outcome_raw", Kind.TEXT, "How it ended, as the source writes it."),
        Column("channel", Kind.ENUM, "How it was asked for.", values=("ui", "api", "cli", "gitops", "automation")),
        Column("previous_run_id", Kind.ID, "The run this one tries again."),
    ),
    time=("requested_at",), owned=True,
)  # fmt: skip

APPROVALS = Table(
    "approvals", "one request for approval", ("approval_id",),
    (
        Column("approval_id", Kind.ID, "source:native id.", nullable=False),
        Column("operation_id", Kind.ID, "The operation gated."),
        Column("subject_kind", Kind.ENUM, "What is to be approved.", values=("action_run", "deployment", "change", "policy")),
        Column("subject_id", Kind.ID, "Which one."),
        _SERVICE,
        _TEAM,
        _REQUESTOR,
        Column("responder_id", Kind.ID, "Who decided (pseudonym)."),
        Column("requested_at", Kind.TIMESTAMP, "When approval was asked."),
        Column("decided_at", Kind.TIMESTAMP, "When it was given or refused."),
        Column("decision", Kind.ENUM, "CDEvents approval decision.",
               values=("approved", "rejected", "requestchanges", "deferred", "delegate", "escalated")),
        Column("status", Kind.ENUM, "Where the request stands; cancelled = withdrawn.",
               values=("pending", "approved", "rejected", "cancelled", "expired")),
        Column("status_raw", Kind.TEXT, "Where it stands, as the source writes it."),
        Column("automated", Kind.BOOLEAN, "Decided by a machine."),
        Column("responders", Kind.INTEGER, "How many people answered."),
        Column("time_basis", Kind.ENUM, "How well decided_at is known.", values=("exact", "bound", "none")),
    ),
    time=("requested_at", "decided_at"), owned=True,
)  # fmt: skip

SERVICE_GOLDEN_PATH = Table(
    "service_golden_path", "one service seen on one golden path on one day", ("service_id", "golden_path_id", "as_of"),
    (
        Column("service_id", Kind.ID, "Which service.", nullable=False),
        Column("golden_path_id", Kind.ID, "Which path.", nullable=False),
        Column("as_of", Kind.DATE, "When this was so.", nullable=False),
        Column("evidence", Kind.ENUM, "How it is known.", values=("born", "declared", "uses", "conforms")),
        Column("version", Kind.TEXT, "Version in use."),
        Column("joined_at", Kind.TIMESTAMP, "When the service came onto the path."),
        Column("left_at", Kind.TIMESTAMP, "When it left."),
        Column("drift", Kind.ENUM, "Up to date or not; unknown is its own answer.", values=("current", "behind", "unknown")),
    ),
    time=("as_of",),
)  # fmt: skip

ESCAPE_HATCHES = Table(
    "escape_hatches", "one exemption, override or bypass", ("hatch_id",),
    (
        Column("hatch_id", Kind.ID, "source:native id.", nullable=False),
        Column("kind", Kind.ENUM, "What sort.", values=("exemption", "exception", "override", "bypass", "suspend", "manual")),
        Column("policy", Kind.TEXT, "The rule it steps round."),
        _PATH,
        _SERVICE,
        _TEAM,
        _REQUESTOR,
        Column("approver_id", Kind.ID, "Who allowed it (pseudonym)."),
        Column("opened_at", Kind.TIMESTAMP, "From when."),
        Column("expires_at", Kind.TIMESTAMP, "Until when it was allowed."),
        Column("closed_at", Kind.TIMESTAMP, "When it was ended."),
        Column("reason", Kind.TEXT, "Why."),
        Column("uses", Kind.INTEGER, "How often it was used."),
    ),
    time=("opened_at",), owned=True,
)  # fmt: skip

POLICY_RESULTS = Table(
    "policy_results", "one rule's verdict on one resource", ("policy", "rule", "resource", "as_of"),
    (
        Column("policy", Kind.TEXT, "Which policy.", nullable=False),
        Column("rule", Kind.TEXT, "Which rule of it.", nullable=False),
        Column("resource", Kind.TEXT, "What was judged.", nullable=False),
        Column("as_of", Kind.TIMESTAMP, "When.", nullable=False),
        Column("engine", Kind.ENUM, "Who judged.", values=("kyverno", "gatekeeper", "opa", "conftest", "sentinel", "terraform", "cortex", "port")),
        _SERVICE,
        _TEAM,
        Column("result", Kind.ENUM, "The verdict.", values=("pass", "fail", "warn", "error", "skip")),
        Column("result_raw", Kind.TEXT, "The verdict, as the engine writes it."),
        Column("enforcement", Kind.ENUM, "What the rule does about it.", values=("deny", "warn", "audit")),
        Column("severity", Kind.TEXT, "As the engine writes it."),
        Column("hatch_id", Kind.ID, "The escape hatch that was used."),
        Column("truncated", Kind.BOOLEAN, "The engine listed only part of its results."),
    ),
    time=("as_of",), owned=True,
)  # fmt: skip

LEVEL_SAID = "(level)"
"""In ``rule``: no rule, but the level (or points) of the whole that the tool itself tells."""

SCORECARD_RESULTS = Table(
    "scorecard_results", "one rule of a scorecard on one thing, or what the tool says of the whole", ("tool", "scorecard", "rule", "resource", "as_of"),
    (
        Column("tool", Kind.ENUM, "Who judged.", nullable=False, values=("backstage", "cortex", "openssf", "opslevel", "port")),
        Column("scorecard", Kind.TEXT, "Which scorecard.", nullable=False),
        Column("rule", Kind.TEXT, f"Which rule of it; {LEVEL_SAID}: what the tool itself says of the whole.", nullable=False),
        Column("resource", Kind.TEXT, "What was judged.", nullable=False),
        Column("as_of", Kind.TIMESTAMP, "When.", nullable=False),
        _SERVICE,
        _TEAM,
        Column("category", Kind.TEXT, "The area the rule is of."),
        Column("level", Kind.TEXT, "The level the rule is asked for; of the whole the level it has."),
        Column("level_number", Kind.INTEGER, "Its place on the ladder; 0 = what everything has."),
        Column("state", Kind.ENUM, "How it stands; partial: some of its points. Empty: not known, which is neither passed nor failed.",
               values=("passed", "partial", "failed", "exempt", "not_applicable")),
        Column("state_raw", Kind.TEXT, "How it stands, as the tool writes it."),
        Column("score", Kind.NUMBER, "Points it has."),
        Column("score_most", Kind.NUMBER, "Points it could have."),
        Column("weight", Kind.NUMBER, "How much the rule weighs in the points of the whole."),
    ),
    time=("as_of",), owned=True,
)  # fmt: skip

USAGE = Table(
    "usage", "one use of one platform component", ("event_id",),
    (
        Column("event_id", Kind.ID, "source:native id.", nullable=False),
        Column("component", Kind.TEXT, "What was used.", nullable=False),
        Column("action", Kind.TEXT, "What was done.", nullable=False),
        Column("person_id", Kind.ID, "Who (pseudonym)."),
        Column("team_id", Kind.ID, "Their team."),
        Column("at", Kind.TIMESTAMP, "When.", nullable=False),
        Column("value", Kind.NUMBER, "A number the event carries."),
        Column("purposeful", Kind.BOOLEAN, "Did something (ran, deployed, provisioned), as against looked at a page."),
    ),
    time=("at",),
)  # fmt: skip

ACTIONS = Table(
    "actions", "one thing a team resolved to do", ("action_id",),
    (
        Column("action_id", Kind.ID, "source:native id.", nullable=False),
        Column("team_id", Kind.ID, "Whose it is.", nullable=False),
        Column("origin", Kind.ENUM, "Where it was resolved.", nullable=False, values=("retrospective", "postmortem", "recommendation")),
        Column("origin_id", Kind.ID, "Which one."),
        Column("opened_on", Kind.DATE, "When it was resolved.", nullable=False),
        Column("due_on", Kind.DATE, "By when."),
        Column("closed_on", Kind.DATE, "When it was closed."),
        Column("outcome", Kind.ENUM, "How it ended.", values=("done", "dropped")),
        Column("carried_over", Kind.INTEGER, "How often it was put off."),
    ),
    time=("opened_on",),
)  # fmt: skip

ASSESSMENTS = Table(
    "assessments", "one respondent's answer to one maturity item", ("assessment_id", "item_id"),
    (
        Column("assessment_id", Kind.ID, "One filled-in form.", nullable=False),
        Column("item_id", Kind.ID, "Which item.", nullable=False),
        Column("wave", Kind.TEXT, "Which round.", nullable=False),
        Column("team_id", Kind.ID, "The team assessed.", nullable=False),
        Column("respondent_id", Kind.ID, "Who answered (hashed)."),
        Column("role", Kind.ENUM, "As what.", values=("platform", "user", "leader")),
        Column("model_version", Kind.TEXT, "Version of the maturity model.", nullable=False),
        Column("answer", Kind.ENUM, "Level 1–4, or why none.", values=("1", "2", "3", "4", "unknown", "not_applicable")),
        Column("reason", Kind.TEXT, "Why not applicable."),
        Column("confidence", Kind.INTEGER, "1 low – 3 high."),
        Column("submitted_at", Kind.TIMESTAMP, "When.", nullable=False),
    ),
    time=("submitted_at",),
)  # fmt: skip

INTERVENTIONS = Table(
    "interventions", "one change to the platform whose effect is to be measured, for one unit", ("intervention_id", "unit_id"),
    (
        Column("intervention_id", Kind.ID, "Which change.", nullable=False),
        Column("unit_id", Kind.ID, "The team or service it reached.", nullable=False),
        Column("unit_kind", Kind.ENUM, "What the unit is.", nullable=False, values=("team", "service")),
        Column("hypothesis", Kind.TEXT, "What it is hoped to do.", nullable=False),
        Column("metric", Kind.TEXT, "The one metric to judge it by.", nullable=False),
        Column("direction", Kind.ENUM, "Which way is better.", nullable=False, values=("up", "down")),
        Column("smallest_effect", Kind.NUMBER, "Smallest effect that would matter, in the metric's unit.", nullable=False),
        Column("component", Kind.TEXT, "What was changed."),
        Column("adopted_on", Kind.DATE, "When the unit took it up; empty: not (yet)."),
        Column("review_on", Kind.DATE, "When to look.", nullable=False),
        Column("registered_at", Kind.TIMESTAMP, "When it was written down.", nullable=False),
    ),
    time=("registered_at",),
)  # fmt: skip

LOADS = Table(
    "loads", "one file read for one table", ("load_id",),
    (
        Column("load_id", Kind.ID, "Hash of source, table, path and content.", nullable=False),
        Column("source", Kind.TEXT, "Which source.", nullable=False),
        Column("table", Kind.TEXT, "Into which table.", nullable=False),
        Column("path", Kind.TEXT, "The file, relative to the data folder where possible.", nullable=False),
        Column("sha256", Kind.TEXT, "Of what was read.", nullable=False),
        Column("as_of", Kind.TIMESTAMP, "When the export was taken, if known."),
        Column("period_from", Kind.TIMESTAMP, "Earliest fact in it."),
        Column("period_to", Kind.TIMESTAMP, "Latest fact in it."),
        Column("rows_in", Kind.INTEGER, "Rows or documents in the file.", nullable=False, unit="rows"),
        Column("rows_out", Kind.INTEGER, "Rows kept.", nullable=False, unit="rows"),
        Column("dropped", Kind.COUNTS, "Reason to number of rows set aside or left out.", nullable=False),
        Column("truncated", Kind.BOOLEAN, "The export is known to be incomplete.", nullable=False),
        Column("warnings", Kind.TEXTS, "What a reader of the numbers should know.", nullable=False),
    ),
)  # fmt: skip

FACTS = (
    DEPLOYMENTS, CHANGES, DEPLOYMENT_CHANGES, INCIDENTS, PAGES, SERVICE_LEVELS, TICKETS, COSTS, SURVEY_RESPONSES,
    COMMENT_CODES, ACTION_RUNS, APPROVALS, SERVICE_GOLDEN_PATH, ESCAPE_HATCHES, POLICY_RESULTS, SCORECARD_RESULTS, USAGE, ACTIONS, ASSESSMENTS, INTERVENTIONS, LOADS,
)  # fmt: skip
