-- DORA's delivery metrics for the organisation, its teams and its services by month, with the semantics of METRICS.md:
-- what idp-analytics computes, said in SQL for psql. :end_at is the as-of time, a UTC midnight, so that every covered day is a
-- whole one; the answers stand in the table "answers". Tables in between are unlogged, not temporary: PostgreSQL reads
-- temporary ones with one process only.

-- Days are covered from the first known deployment on, whatever became of it.
SELECT (min(coalesce(finished_at, started_at)) AT TIME ZONE 'UTC')::date AS start_at FROM deployments \gset

-- What counts as a deployment.
CREATE UNLOGGED TABLE counted AS
SELECT
    deployment_id, service_id, team_id, kind, sha, version, is_rollback, finished_at,
    (finished_at AT TIME ZONE 'UTC')::date AS day
FROM deployments
WHERE environment = 'production' AND outcome = 'success' AND finished_at IS NOT NULL AND finished_at < :'end_at'
    AND NOT coalesce(is_resync, false);
CREATE INDEX ON counted (deployment_id);
CREATE INDEX ON counted (service_id, finished_at, deployment_id);
ANALYZE counted;

-- Incidents that a change may have caused, each with its deployment: the recorded one, else the latest of the same
-- service within a day.
CREATE UNLOGGED TABLE linked AS
SELECT
    i.incident_id, i.service_id, i.team_id, i.opened_at, i.resolved_at,
    c.deployment_id AS linked_id, c.service_id AS linked_service_id, c.finished_at AS linked_finished_at
FROM incidents AS i
LEFT JOIN LATERAL (
    SELECT n.deployment_id
    FROM counted AS n
    WHERE i.deployment_id IS NULL AND n.service_id = i.service_id
        AND n.finished_at <= i.opened_at AND n.finished_at >= i.opened_at - interval '24 hours'
    ORDER BY n.finished_at DESC, n.deployment_id DESC
    LIMIT 1
) AS latest ON true
JOIN counted AS c ON c.deployment_id = coalesce(i.deployment_id, latest.deployment_id)
WHERE coalesce(i.change_caused, true) AND i.opened_at < :'end_at';
CREATE INDEX ON linked (linked_id);
ANALYZE linked;

-- What put back an earlier version: said by the source, or seen because it ran before what was running ran first.
CREATE UNLOGGED TABLE put_back AS
WITH sequence AS (
    SELECT
        deployment_id, service_id, kind, is_rollback,
        coalesce('sha:' || lower(sha), 'version:' || version) AS what,
        row_number() OVER (PARTITION BY service_id, kind ORDER BY finished_at, deployment_id) AS place
    FROM counted
),
begun AS (
    SELECT *, CASE WHEN what IS NOT NULL THEN min(place) OVER (PARTITION BY service_id, kind, what) END AS first_place
    FROM sequence
),
beside AS (
    SELECT
        *,
        lag(what) OVER (PARTITION BY service_id, kind ORDER BY place) AS running,
        lag(first_place) OVER (PARTITION BY service_id, kind ORDER BY place) AS running_first
    FROM begun
)
SELECT deployment_id
FROM beside
WHERE is_rollback
    OR (service_id IS NOT NULL AND place > first_place AND what <> running AND first_place < running_first);

-- What was deployed while a linked incident of the same service, caused by an earlier deployment, was open.
CREATE UNLOGGED TABLE repairs AS
SELECT DISTINCT c.deployment_id
FROM linked AS l
JOIN counted AS c
    ON c.service_id = coalesce(l.service_id, l.linked_service_id)
    AND c.finished_at > greatest(l.opened_at, l.linked_finished_at)
    AND c.finished_at <= coalesce(l.resolved_at, 'infinity');

-- Per service, team and day: every scope and every metric that counts deployments is a sum over this.
CREATE UNLOGGED TABLE days AS
SELECT
    c.service_id, c.team_id, c.day, date_trunc('month', c.day)::date AS month, count(*) AS n,
    count(f.linked_id) AS failed, count(w.deployment_id) AS rework
FROM counted AS c
LEFT JOIN (SELECT DISTINCT linked_id FROM linked) AS f ON f.linked_id = c.deployment_id
LEFT JOIN (SELECT deployment_id FROM put_back UNION SELECT deployment_id FROM repairs) AS w USING (deployment_id)
GROUP BY c.service_id, c.team_id, c.day;

-- A change that reached production, once, with the deployment that brought it first. A commit that is what a pull request
-- became on the mainline is that pull request.
CREATE UNLOGGED TABLE lead AS
WITH became AS (
    SELECT c.change_id, min(p.change_id) AS request
    FROM changes AS c
    JOIN changes AS p ON p.kind = 'pull_request' AND p.sha = c.sha AND p.repo IS NOT DISTINCT FROM c.repo
    WHERE c.kind = 'commit'
    GROUP BY c.change_id
),
first_deployed AS (
    SELECT DISTINCT ON (coalesce(b.request, l.change_id))
        coalesce(b.request, l.change_id) AS change_id, c.service_id, c.team_id, c.day, c.finished_at
    FROM deployment_changes AS l
    JOIN counted AS c USING (deployment_id)
    LEFT JOIN became AS b USING (change_id)
    ORDER BY coalesce(b.request, l.change_id), c.finished_at, c.deployment_id
)
SELECT
    f.service_id, f.team_id, date_trunc('month', f.day)::date AS month,
    extract(epoch FROM f.finished_at - c.first_commit_at)::float8 / 3600 AS hours
FROM first_deployed AS f
LEFT JOIN changes AS c USING (change_id);

-- Every known entity in every month: a quiet team keeps its row.
CREATE UNLOGGED TABLE cells AS
SELECT e.scope, e.entity_id, m.month, m.days
FROM (
    SELECT 'org' AS scope, 'org' AS entity_id
    UNION ALL
    SELECT 'team', team_id FROM teams WHERE kind IS NULL OR kind IN ('team', 'platform')
    UNION ALL
    SELECT 'service', service_id FROM services
) AS e
CROSS JOIN (
    SELECT
        month::date AS month,
        least(month + interval '1 month', :'end_at'::timestamp)::date
            - greatest(month, :'start_at'::timestamp)::date AS days
    FROM generate_series(date_trunc('month', :'start_at'::timestamp), :'end_at'::timestamp - interval '1 microsecond', '1 month') AS month
) AS m;

CREATE UNLOGGED TABLE numbers AS
WITH deployed AS (
    SELECT
        CASE WHEN grouping(service_id) = 0 THEN 'service' WHEN grouping(team_id) = 0 THEN 'team' ELSE 'org' END AS scope,
        CASE WHEN grouping(service_id) = 0 THEN service_id WHEN grouping(team_id) = 0 THEN team_id ELSE 'org' END AS entity_id,
        month, sum(n)::bigint AS n, count(DISTINCT day) AS hit_days, sum(failed)::bigint AS failed, sum(rework)::bigint AS rework
    FROM days
    GROUP BY GROUPING SETS ((month), (team_id, month), (service_id, month))
),
lead_medians AS (
    SELECT
        CASE WHEN grouping(service_id) = 0 THEN 'service' WHEN grouping(team_id) = 0 THEN 'team' ELSE 'org' END AS scope,
        CASE WHEN grouping(service_id) = 0 THEN service_id WHEN grouping(team_id) = 0 THEN team_id ELSE 'org' END AS entity_id,
        month, count(*) AS n, percentile_cont(0.5) WITHIN GROUP (ORDER BY hours) AS value
    FROM lead
    WHERE hours >= 0
    GROUP BY GROUPING SETS ((month), (team_id, month), (service_id, month))
),
recovery_hours AS (
    SELECT
        service_id, team_id, date_trunc('month', opened_at AT TIME ZONE 'UTC')::date AS month,
        extract(epoch FROM resolved_at - opened_at)::float8 / 3600 AS hours
    FROM linked
),
recovery_medians AS (
    -- All incidents of the benchmark are resolved, so the Kaplan-Meier median is the median.
    SELECT
        CASE WHEN grouping(service_id) = 0 THEN 'service' WHEN grouping(team_id) = 0 THEN 'team' ELSE 'org' END AS scope,
        CASE WHEN grouping(service_id) = 0 THEN service_id WHEN grouping(team_id) = 0 THEN team_id ELSE 'org' END AS entity_id,
        month, count(*) AS n, percentile_cont(0.5) WITHIN GROUP (ORDER BY hours) AS value
    FROM recovery_hours
    WHERE hours >= 0
    GROUP BY GROUPING SETS ((month), (team_id, month), (service_id, month))
)
SELECT
    c.scope, c.entity_id, c.month, c.days,
    coalesce(d.n, 0) AS n, coalesce(d.hit_days, 0) AS hit_days, coalesce(d.failed, 0) AS failed, coalesce(d.rework, 0) AS rework,
    coalesce(l.n, 0) AS lead_n, l.value AS lead_value, coalesce(r.n, 0) AS recovery_n, r.value AS recovery_value
FROM cells AS c
LEFT JOIN deployed AS d USING (scope, entity_id, month)
LEFT JOIN lead_medians AS l USING (scope, entity_id, month)
LEFT JOIN recovery_medians AS r USING (scope, entity_id, month);

-- A value needs its fewest observations (the catalogue's min_n); a share has Wilson's interval.
CREATE UNLOGGED TABLE answers AS
WITH told AS (
    SELECT 'deployment_frequency' AS metric, scope, entity_id, month, n, NULL::bigint AS k,
        CASE WHEN n >= 1 AND days > 0 THEN n::float8 / days END AS value
    FROM numbers
    UNION ALL
    SELECT 'change_lead_time', scope, entity_id, month, lead_n, NULL, CASE WHEN lead_n >= 6 THEN lead_value END
    FROM numbers
    UNION ALL
    SELECT 'failed_deployment_recovery_time', scope, entity_id, month, recovery_n, NULL, CASE WHEN recovery_n >= 5 THEN recovery_value END
    FROM numbers
    UNION ALL
    SELECT 'deployment_days', scope, entity_id, month, days, hit_days,
        CASE WHEN days >= 5 THEN hit_days::float8 / days END
    FROM numbers
    UNION ALL
    SELECT 'change_fail_rate', scope, entity_id, month, n, failed, CASE WHEN n >= 5 THEN failed::float8 / n END
    FROM numbers
    UNION ALL
    SELECT 'deployment_rework_rate', scope, entity_id, month, n, rework, CASE WHEN n >= 5 THEN rework::float8 / n END
    FROM numbers
)
SELECT
    metric, scope, entity_id, to_char(month, 'YYYY-MM') AS period, value, n, k,
    CASE
        WHEN k = 0 AND n > 0 THEN 0
        WHEN n > 0 THEN (k + z * z / 2 - z * sqrt(k * (n - k)::float8 / n + z * z / 4)) / (n + z * z)
    END AS low,
    CASE
        WHEN k = n AND n > 0 THEN 1
        WHEN n > 0 THEN (k + z * z / 2 + z * sqrt(k * (n - k)::float8 / n + z * z / 4)) / (n + z * z)
    END AS high
FROM told
CROSS JOIN (SELECT 1.959963984540054::float8 AS z) AS normal;
