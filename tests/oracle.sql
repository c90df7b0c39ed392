-- From raw (source, id, type, data) to what moved, where each loan stood, and what was posted.

-- 冲正 and 更正: what no longer holds, what holds in part, what holds with another value.
CREATE TABLE reversal AS
SELECT source, json_extract(data, '$.reverses_event_id') AS target,
       coalesce(json_extract(data, '$.full'), 1) AS whole,
       coalesce(json_extract(data, '$.amount_fen'), 0) AS amount
  FROM raw WHERE type = 'loan.reversed';
CREATE INDEX reversal_of ON reversal (source, target);

CREATE TABLE correction AS
SELECT source, target, field, new
  FROM (SELECT source, json_extract(data, '$.corrects_event_id') AS target, json_extract(data, '$.field') AS field,
               json_extract(data, '$.new') AS new,
               row_number() OVER (PARTITION BY source, json_extract(data, '$.corrects_event_id'),
                                               json_extract(data, '$.field')
                                  ORDER BY json_extract(data, '$.business_date') DESC, unixepoch(time) DESC,
                                           id DESC) AS latest
          FROM raw
         WHERE type = 'loan.corrected'
           AND NOT EXISTS (SELECT 1 FROM reversal WHERE reversal.source = raw.source AND target = raw.id AND whole))
 WHERE latest = 1;
CREATE INDEX correction_of ON correction (source, target, field);

-- 两个渠道报送同一笔: of what has one number, day and amount under several ids one counts, rather the one that was changed.
CREATE TABLE told_again AS
SELECT source, id
  FROM (SELECT source, id,
               row_number() OVER (
                   PARTITION BY source, type, json_extract(data, '$.loan_no'),
                                coalesce(json_extract(data, '$.repayment_no'), json_extract(data, '$.draw_no')),
                                json_extract(data, '$.kind') IN ('foreclosure', 'capitalised'),
                                json_extract(data, '$.business_date'),
                                coalesce(json_extract(data, '$.principal_fen'), json_extract(data, '$.amount_fen'))
                   ORDER BY EXISTS (SELECT 1 FROM correction
                                     WHERE correction.source = raw.source AND target = raw.id)
                            OR EXISTS (SELECT 1 FROM reversal
                                        WHERE reversal.source = raw.source AND target = raw.id) DESC, id) AS nth
          FROM raw
         WHERE type IN ('loan.repaid', 'loan.drawn') AND coalesce(json_extract(data, '$.kind'), '') <> 'by_renewal'
           AND coalesce(json_extract(data, '$.repayment_no'), json_extract(data, '$.draw_no')) IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM reversal WHERE reversal.source = raw.source AND target = raw.id AND whole))
 WHERE nth > 1;

CREATE TABLE fact AS
SELECT raw.id, raw.type, raw.data, unixepoch(raw.time) AS told,
       json_extract(raw.data, '$.institution_id') AS institution,
       json_extract(raw.data, '$.loan_no') AS loan,
       coalesce((SELECT new FROM correction
                  WHERE correction.source = raw.source AND target = raw.id AND field = 'business_date'),
                json_extract(raw.data, '$.business_date')) AS day,
       coalesce((SELECT CAST(new AS INTEGER) FROM correction
                  WHERE correction.source = raw.source AND target = raw.id AND field = 'principal_fen'),
                json_extract(raw.data, '$.principal_fen'), json_extract(raw.data, '$.amount_fen'))
       - coalesce((SELECT sum(amount) FROM reversal
                    WHERE reversal.source = raw.source AND target = raw.id AND NOT whole), 0) AS amount
  FROM raw
 WHERE NOT EXISTS (SELECT 1 FROM reversal WHERE reversal.source = raw.source AND target = raw.id AND whole)
   AND NOT EXISTS (SELECT 1 FROM told_again WHERE told_again.source = raw.source AND told_again.id = raw.id);
CREATE INDEX fact_of_type ON fact (type);

-- 续贷: which old 借据 falls by how much. With itself as the old one it is 同借据续期, a mark (V15).
CREATE TABLE part AS
SELECT fact.id, fact.institution, fact.loan AS new_loan, json_extract(each.value, '$.old_loan_no') AS old_loan,
       fact.day, json_extract(each.value, '$.settled_principal_fen') AS amount
  FROM fact, json_each(fact.data, CASE fact.type WHEN 'loan.renewed' THEN '$.settles' ELSE '$.previous' END) AS each
 WHERE fact.type IN ('loan.renewed', 'loan.issued');
CREATE INDEX part_of ON part (id);

CREATE TABLE same_number AS SELECT DISTINCT id FROM part WHERE old_loan = new_loan;

-- 借据, each with what it says of itself. Two issuing facts of one number would be a false history.
CREATE TABLE loan AS
SELECT institution, loan, day AS since, amount AS principal,
       json_extract(data, '$.customer_ref') AS customer,
       json_extract(data, '$.customer_kind') AS kind,
       coalesce(json_extract(data, '$.discount'), 0) OR coalesce(json_extract(data, '$.entrusted'), 0) AS outside,
       coalesce(CASE json_extract(data, '$.mode') WHEN 'no_principal' THEN 'no_principal_renewal'
                                                  WHEN 'partial' THEN 'partial_renewal'
                                                  ELSE json_extract(data, '$.mode') END,
                json_extract(data, '$.issuance_kind'), 'new') AS issuance_kind
  FROM fact
 WHERE type IN ('loan.opening_balance', 'loan.issued', 'loan.renewed') AND id NOT IN (SELECT id FROM same_number);
CREATE UNIQUE INDEX one_loan ON loan (institution, loan);
CREATE INDEX loan_of_customer ON loan (institution, customer);

CREATE TABLE movement AS
SELECT entry.institution, entry.loan, entry.day, entry.kind, entry.amount
  FROM (SELECT institution, loan, day, 'opening' AS kind, json_extract(data, '$.outstanding_fen') AS amount
          FROM fact WHERE type = 'loan.opening_balance'
        UNION ALL
        SELECT institution, loan, day, 'issued', amount
          FROM fact WHERE type = 'loan.issued' AND id NOT IN (SELECT id FROM part)
        UNION ALL
        SELECT institution, new_loan, day, 'renewed_in', amount
          FROM part WHERE id NOT IN (SELECT id FROM same_number)
        UNION ALL
        SELECT institution, old_loan, day, 'settled_by_renewal', -amount
          FROM part WHERE id NOT IN (SELECT id FROM same_number)
        UNION ALL
        SELECT institution, loan, day, 'increase', json_extract(data, '$.increase_fen')
          FROM fact WHERE id IN (SELECT id FROM part) AND coalesce(json_extract(data, '$.increase_fen'), 0) > 0
        UNION ALL
        SELECT institution, loan, day,
               CASE json_extract(data, '$.kind') WHEN 'capitalised' THEN 'capitalised' ELSE 'drawn' END, amount
          FROM fact WHERE type = 'loan.drawn'
        UNION ALL
        SELECT institution, loan, day,
               CASE json_extract(data, '$.kind') WHEN 'foreclosure' THEN 'foreclosed' ELSE 'repaid' END, -amount
          FROM fact WHERE type = 'loan.repaid' AND coalesce(json_extract(data, '$.kind'), '') <> 'by_renewal'
        UNION ALL
        SELECT institution, loan, day, 'written_off', -amount FROM fact WHERE type = 'loan.written_off'
        UNION ALL
        SELECT institution, loan, day, 'transferred_' || json_extract(data, '$.kind'), -amount
          FROM fact WHERE type = 'loan.transferred') AS entry
  JOIN loan USING (institution, loan);
CREATE INDEX movement_of ON movement (institution, loan, day);

-- What decides the class of a loan: the customer's lines and profiles, the loan's own labels.
CREATE TABLE line AS
SELECT institution, json_extract(data, '$.customer_ref') AS customer, json_extract(data, '$.valid_from') AS since,
       json_extract(data, '$.valid_to') AS till, json_extract(data, '$.total_line_fen') AS total
  FROM fact WHERE type IN ('credit_line.granted', 'credit_line.changed', 'credit_line.expired');
CREATE INDEX line_of ON line (institution, customer, since);

CREATE TABLE profile AS
SELECT institution, json_extract(data, '$.customer_ref') AS customer, json_extract(data, '$.valid_from') AS since,
       json_extract(data, '$.valid_to') AS till, json_extract(data, '$.customer_kind') AS kind
  FROM fact WHERE type = 'customer.profile_changed';
CREATE INDEX profile_of ON profile (institution, customer, since);

CREATE TABLE relabelled AS
SELECT fact.institution, each.value AS loan, fact.day AS known, fact.told, fact.id, json_extract(fact.data, '$.mode') AS mode,
       json_extract(fact.data, '$.effective_on') AS since, json_extract(fact.data, '$.new') AS kind
  FROM fact, json_each(fact.data, '$.loan_no') AS each
 WHERE fact.type = 'loan.reclassified' AND json_extract(fact.data, '$.field') = 'issuance_kind';

CREATE TABLE label AS
SELECT institution, loan, since, 0 AS rank, 'own' AS cause,
       coalesce((SELECT kind FROM relabelled
                  WHERE relabelled.institution = loan.institution AND relabelled.loan = loan.loan AND mode = 'error'
                  ORDER BY known DESC, told DESC, id DESC LIMIT 1), issuance_kind) AS kind
  FROM loan
UNION ALL
SELECT institution, loan, since, 2, 'policy', kind
  FROM (SELECT *, row_number() OVER (PARTITION BY institution, loan, since
                                         ORDER BY known DESC, told DESC, id DESC) AS latest
          FROM relabelled WHERE mode = 'policy')
 WHERE latest = 1
UNION ALL
SELECT institution, loan, day, 1, 'mark', 'no_principal_renewal'
  FROM fact
 WHERE (type = 'loan.extended' AND json_extract(data, '$.marked_renewal'))
    OR (id IN (SELECT id FROM same_number) AND json_extract(data, '$.mode') = 'no_principal');
CREATE INDEX label_of ON label (institution, loan, since);

-- The days on which a loan's class may change, and its class in each spell between them.
CREATE TABLE turn AS
SELECT institution, loan, since AS day FROM loan
UNION SELECT loan.institution, loan.loan, label.since
        FROM loan JOIN label USING (institution, loan) WHERE label.since > loan.since
UNION SELECT loan.institution, loan.loan, line.since
        FROM loan JOIN line USING (institution, customer) WHERE line.since > loan.since
UNION SELECT loan.institution, loan.loan, date(line.till, '+1 day')
        FROM loan JOIN line USING (institution, customer) WHERE line.till >= loan.since
UNION SELECT loan.institution, loan.loan, profile.since
        FROM loan JOIN profile USING (institution, customer) WHERE profile.since > loan.since
UNION SELECT loan.institution, loan.loan, date(profile.till, '+1 day')
        FROM loan JOIN profile USING (institution, customer) WHERE profile.till >= loan.since;

CREATE TABLE standing AS
SELECT turn.institution, turn.loan, turn.day, loan.customer, loan.outside,
       coalesce((SELECT CASE WHEN till < turn.day THEN NULL ELSE total END FROM line
                  WHERE line.institution = loan.institution AND line.customer = loan.customer AND since <= turn.day
                  ORDER BY since DESC LIMIT 1), loan.principal) AS total_line,
       coalesce((SELECT CASE WHEN till < turn.day THEN NULL ELSE kind END FROM profile
                  WHERE profile.institution = loan.institution AND profile.customer = loan.customer
                    AND since <= turn.day
                  ORDER BY since DESC LIMIT 1), loan.kind) AS kind,
       (SELECT kind FROM label
         WHERE label.institution = loan.institution AND label.loan = loan.loan AND since <= turn.day
         ORDER BY since DESC, rank DESC LIMIT 1) AS issuance_kind,
       lead(turn.day, 1, '9999-12-31') OVER (PARTITION BY turn.institution, turn.loan ORDER BY turn.day) AS until
  FROM turn JOIN loan USING (institution, loan);

CREATE TABLE member AS
SELECT institution, loan, customer, 'ALL1' AS population, day AS since, until, 1 AS inside FROM standing
UNION ALL
SELECT institution, loan, customer, 'PH', day, until,
       kind IN ('small', 'micro', 'individual', 'owner') AND total_line <= 1000000000 AND NOT outside FROM standing
UNION ALL
SELECT institution, loan, customer, 'NPR', day, until, issuance_kind = 'no_principal_renewal' FROM standing
UNION ALL
SELECT institution, loan, customer, 'PARTIAL', day, until, issuance_kind = 'partial_renewal' FROM standing;
CREATE INDEX member_of ON member (institution, loan, population, since);

-- What was posted where: each movement in its day's class, and each crossing with the balance before that day.
CREATE TABLE posted AS
SELECT movement.institution, member.population, movement.day, movement.kind, movement.amount, member.customer
  FROM movement JOIN member USING (institution, loan)
 WHERE member.inside AND member.since <= movement.day AND movement.day < member.until
UNION ALL
SELECT crossing.institution, crossing.population, crossing.since,
       CASE WHEN crossing.population <> 'PH'
             AND EXISTS (SELECT 1 FROM label WHERE label.institution = crossing.institution
                            AND label.loan = crossing.loan AND label.since = crossing.since AND cause = 'mark')
            THEN 'marked' ELSE 'reclassified' END,
       (crossing.inside - crossing.before)
       * (SELECT coalesce(sum(amount), 0) FROM movement
           WHERE movement.institution = crossing.institution AND movement.loan = crossing.loan
             AND movement.day < crossing.since),
       crossing.customer
  FROM (SELECT *, lag(inside) OVER (PARTITION BY institution, loan, population ORDER BY since) AS before
          FROM member) AS crossing
 WHERE crossing.before IS NOT NULL AND crossing.before <> crossing.inside;
