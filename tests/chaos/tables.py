"""What the suite adds to the database: effects of jobs, and the history of each job."""

CREATE_EFFECTS = """
CREATE TABLE chaos_effects (
    number int, part int, job_id uuid, attempt int,
    by_worker timestamptz, by_database timestamptz DEFAULT clock_timestamp()
);
GRANT ALL ON chaos_effects TO PUBLIC;
"""
CREATE_HISTORY = """
CREATE TABLE chaos_history (
    id bigint GENERATED ALWAYS AS IDENTITY, job_id uuid, queue text, status text, published_at timestamptz,
    at timestamptz DEFAULT clock_timestamp()
);
CREATE FUNCTION chaos_note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO chaos_history (job_id, queue, status, published_at)
    VALUES (NEW.id, NEW.queue, NEW.status, NEW.published_at);
    RETURN NULL;
END $$;
CREATE TRIGGER chaos_note_new AFTER INSERT ON jobs FOR EACH ROW EXECUTE FUNCTION chaos_note();
CREATE TRIGGER chaos_note_change AFTER UPDATE OF status, published_at ON jobs FOR EACH ROW
WHEN (OLD.status <> NEW.status OR OLD.published_at IS DISTINCT FROM NEW.published_at) EXECUTE FUNCTION chaos_note();
"""
