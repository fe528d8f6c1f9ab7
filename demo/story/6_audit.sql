-- # 6. Ada, the auditor, reads the trail
-- Who asked, who decided, what ended when. Ada reads about the data, and the data itself masked like everybody else.
-- @ada_auditor
-- @shows sam_support
-- @shows alex_approver
-- @hides 473-11-4137
SELECT to_char(at, 'HH24:MI:SS') AS at, event, login, request_id AS id, object, coalesce(detail ->> 'reason', detail ->> 'comment') AS words
FROM jitmask.audit ORDER BY seq;
-- @hides 473-11-4137
SELECT id, name, ssn FROM customers WHERE id = 1;

-- Each statement that read raw values is a line in the server's log:
-- @log jitmask reveal
