-- What writes the trail of changes (see `models.audit`). Each function runs with the rights of its owner: who may change
-- a table may not, for that, write into the trail. `trail.py` installs what stands here, and compares.

-- A statement's row in the trail. Without an origin, the caller's or the transaction's, it is of whoever is logged in:
-- nobody changes anything namelessly.
CREATE OR REPLACE FUNCTION audit_begin(entity text, given jsonb) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    origin jsonb := coalesce(given, nullif(current_setting('bellwork.origin', true), '')::jsonb);
    begun bigint;
BEGIN
    INSERT INTO audit_statements (at, entity, actor, client_ip, user_agent, request_id, job_id)
    VALUES (clock_timestamp(), entity, coalesce(origin ->> 'actor', 'database:' || session_user),
            origin ->> 'client_ip', origin ->> 'user_agent', origin ->> 'request_id', (origin ->> 'job_id')::uuid)
    RETURNING id INTO begun;
    RETURN begun;
END $$;

-- After a statement on an audited table. The trigger's arguments: the entity's name, then columns separated by commas,
-- those of the key, the masked and the unnoticed ones.
--
-- However many rows there are, they are looked at twice: first for how many differ in each column, then for the values of
-- those columns alone. (`@.` stands for the row before or after, `o.` or `n.`.)
CREATE OR REPLACE FUNCTION audit_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET work_mem = '64MB' SET jit = off AS $$
DECLARE
    key text[] := string_to_array(TG_ARGV[1], ',');
    masked text[] := string_to_array(TG_ARGV[2], ',');
    unnoticed text[] := key || string_to_array(TG_ARGV[3], ',');
    columns text[];
    all_rows bigint;
    changed_rows bigint[];
    rows text;
    differs text;
    row_of_key text := 'n';
    action text := quote_literal('create');
    pair text;
    certain text[];
    uncertain text := '';
    object text;
    conditions text[];
BEGIN
    IF TG_OP <> 'DELETE' THEN
        IF NOT EXISTS (SELECT FROM new_rows) THEN RETURN NULL; END IF;
    ELSIF NOT EXISTS (SELECT FROM old_rows) THEN RETURN NULL;
    END IF;

    SELECT array_agg(attname::text ORDER BY attnum) INTO columns FROM pg_attribute
    WHERE attrelid = TG_RELID AND attnum > 0 AND NOT attisdropped;
    CASE TG_OP
        WHEN 'INSERT' THEN
            rows := 'new_rows AS n';
            differs := 'n.%1$I IS NOT NULL';
        WHEN 'DELETE' THEN
            rows := 'old_rows AS o';
            differs := 'o.%1$I IS NOT NULL';
            row_of_key := 'o';
            action := quote_literal(CASE WHEN 'deleted_at' = ANY (columns) THEN 'purge' ELSE 'delete' END);
        ELSE
            rows := format('old_rows AS o JOIN new_rows AS n USING (%s)',
                           (SELECT string_agg(quote_ident(each), ', ') FROM unnest(key) AS each));
            differs := 'o.%1$I IS DISTINCT FROM n.%1$I';
            action := quote_literal('update');
    END CASE;

    columns := ARRAY(SELECT each FROM unnest(columns) AS each WHERE each <> ALL (unnoticed));
    IF nullif(current_setting('bellwork.origin', true), '')::jsonb @> '{"erasing": true}' THEN
        masked := masked || columns;
    END IF;
    EXECUTE format(
        'SELECT count(*), ARRAY[%s]::bigint[] FROM %s',
        (SELECT string_agg(format('count(*) FILTER (WHERE ' || differs || ')', each), ', ') FROM unnest(columns) AS each),
        rows
    ) INTO all_rows, changed_rows;
    IF TG_OP = 'UPDATE' THEN
        IF all_rows <> (SELECT count(*) FROM new_rows) THEN
            RAISE restrict_violation USING MESSAGE = format('the key of a %s never changes', TG_ARGV[0]);
        END IF;
    END IF;

    FOR number IN 1 .. cardinality(columns) LOOP
        CONTINUE WHEN changed_rows[number] = 0;
        pair := format(
            CASE WHEN columns[number] = ANY (masked) THEN '%1$L, CASE WHEN @.%1$I IS NOT NULL THEN ''***'' END'
            ELSE '%1$L, @.%1$I' END, columns[number]);
        IF changed_rows[number] = all_rows THEN
            certain := certain || pair;
        ELSE
            conditions := conditions || format(differs, columns[number]);
            uncertain := uncertain || format(
                ' || CASE WHEN ' || differs || ' THEN jsonb_build_object(%2$s) ELSE ''{}'' END', columns[number], pair);
        END IF;
        IF TG_OP = 'UPDATE' AND columns[number] = 'deleted_at' THEN
            action := 'CASE WHEN o.deleted_at IS NULL AND n.deleted_at IS NOT NULL THEN ''delete'' '
                'WHEN o.deleted_at IS NOT NULL AND n.deleted_at IS NULL THEN ''restore'' ELSE ''update'' END';
        END IF;
    END LOOP;
    IF TG_OP = 'UPDATE' AND certain IS NULL AND conditions IS NULL THEN RETURN NULL; END IF;

    object := format('jsonb_build_object(%s)%s', array_to_string(certain, ', '), uncertain);
    EXECUTE format(
        'INSERT INTO audit_entries (statement_id, action, entity_id, old, new) SELECT $1, %s, %s, %s, %s FROM %s%s',
        action,
        (SELECT string_agg(format('%s.%I::text', row_of_key, each), ' || ''/'' || ') FROM unnest(key) AS each
         WHERE each <> ALL (masked)),
        CASE WHEN TG_OP = 'INSERT' THEN 'NULL' ELSE replace(object, '@.', 'o.') END,
        CASE WHEN TG_OP = 'DELETE' THEN 'NULL' ELSE replace(object, '@.', 'n.') END,
        rows,
        CASE WHEN TG_OP = 'UPDATE' AND certain IS NULL THEN ' WHERE ' || array_to_string(conditions, ' OR ') ELSE '' END
    ) USING audit_begin(TG_ARGV[0], NULL);
    RETURN NULL;
END $$;

-- What is done without changing a row of an audited table: a login, the cancelling of a job.
CREATE OR REPLACE FUNCTION audit_record(
    action text, entity text, entity_id text, old jsonb, new jsonb, origin jsonb
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO audit_entries (statement_id, action, entity_id, old, new)
    VALUES (audit_begin(entity, origin), action, entity_id, old, new);
END $$;

-- Forget statements older than so many days, the oldest first and at most so many. Whoever may call this gets rid of
-- nothing younger than 90 days.
CREATE OR REPLACE FUNCTION audit_prune(keep_days integer, most integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    gone bigint[];
BEGIN
    SELECT array_agg(id) INTO gone FROM (
        SELECT id FROM audit_statements
        WHERE at < clock_timestamp() - greatest(keep_days, 90) * interval '1 day'
        ORDER BY at LIMIT most FOR UPDATE SKIP LOCKED
    ) AS oldest;
    DELETE FROM audit_entries WHERE statement_id = ANY (gone);
    DELETE FROM audit_statements WHERE id = ANY (gone);
    RETURN coalesce(cardinality(gone), 0);
END $$;

-- Somebody is erased: in at most so many entries each, the values of these fields in the entries about these rows, and
-- whatever else names the person, give way to a mask; their addresses are forgotten. Nothing else can be changed by this,
-- neither who did what nor when; and that it was done is an entry of its own.
CREATE OR REPLACE FUNCTION audit_erase(
    subject_entity text, subject text, ids text[], fields text[], naming text[], most integer
) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    pattern text := '((?<![[:alnum:]_.+-])|(?<=\\[bfnrt]))(' || (
        SELECT string_agg(regexp_replace(substr(quoted, 2, length(quoted) - 2), '([^[:alnum:]])', '\\\1', 'g'), '|')
        FROM unnest(naming) AS each, LATERAL (SELECT to_json(each)::text AS quoted) WHERE length(each) >= 6
    ) || ')(?![[:alnum:]_-]|\.[[:alnum:]])';
    changed bigint;
    masked bigint := 0;
BEGIN
    UPDATE audit_entries AS entry SET
        old = coalesce((SELECT jsonb_object_agg(key, CASE WHEN key = ANY (fields) AND value <> 'null' THEN '"***"'
                                                         ELSE value END) FROM jsonb_each(entry.old)), entry.old),
        new = coalesce((SELECT jsonb_object_agg(key, CASE WHEN key = ANY (fields) AND value <> 'null' THEN '"***"'
                                                         ELSE value END) FROM jsonb_each(entry.new)), entry.new)
    WHERE (entry.statement_id, entry.id) IN (
        SELECT statement_id, id FROM audit_entries
        WHERE entity_id = ANY (ids) AND (
            EXISTS (SELECT FROM jsonb_each(old) WHERE key = ANY (fields) AND value NOT IN ('null', '"***"'))
            OR EXISTS (SELECT FROM jsonb_each(new) WHERE key = ANY (fields) AND value NOT IN ('null', '"***"'))
        ) LIMIT most
    );
    GET DIAGNOSTICS masked = ROW_COUNT;

    UPDATE audit_entries AS entry SET
        old = regexp_replace(old::text, pattern, '***', 'gi')::jsonb, new = regexp_replace(new::text, pattern, '***', 'gi')::jsonb
    WHERE (entry.statement_id, entry.id) IN (
        SELECT statement_id, id FROM audit_entries WHERE old::text ~* pattern OR new::text ~* pattern LIMIT most
    );
    GET DIAGNOSTICS changed = ROW_COUNT;
    masked := masked + changed;

    UPDATE audit_statements SET client_ip = NULL, user_agent = NULL WHERE id IN (
        SELECT id FROM audit_statements
        WHERE actor = 'user:' || subject AND (client_ip IS NOT NULL OR user_agent IS NOT NULL) LIMIT most
    );
    GET DIAGNOSTICS changed = ROW_COUNT;
    masked := masked + changed;
    IF masked > 0 THEN
        INSERT INTO audit_entries (statement_id, action, entity_id, new)
        VALUES (audit_begin(subject_entity, NULL), 'erase', subject, jsonb_build_object('masked', masked));
    END IF;
    RETURN masked;
END $$;
