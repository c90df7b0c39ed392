"""The validation rules V01–V49 (section 11): number, name, what becomes of the event, and what its sender is told.

A rule has one case a way of breaking it. Placeholders such as {loan_no} stand for values of the event; rule V42
has none that could repeat what it found. Rules not listed belong to areas that are not built.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from puhui.contract.found import in_words


class Disposition(StrEnum):
    """What becomes of an event: 退回, 挂起, 受理并标记, 忽略."""

    REJECT = "reject"
    PARK = "park"
    FLAG = "flag"
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True)
class Text:
    """One template in both languages."""

    zh: str
    en: str

    def render(self, lang: str, values: Mapping[str, object]) -> str:
        """The text with its values; a value that is missing or None is said to be so, and nothing raises."""
        template, unknown, comma = (
            (self.en, "(not given)", ", ") if lang == "en" else (self.zh, "（未注明）", "、")
        )

        def fill(found: re.Match[str]) -> str:
            name = found.group(1)
            value = values.get(name)
            if isinstance(value, (list, tuple, set, frozenset)):
                value = comma.join(map(str, value))
            if value is None or value == "":
                return unknown
            return in_words(str(value), lang) if name == "value" else str(value)

        return _PLACEHOLDER.sub(fill, template)


_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True, slots=True)
class Case:
    """One way in which a rule is broken: what becomes of the event, why, and what to do 处理办法."""

    name: str
    disposition: Disposition
    reason: Text
    what_to_do: Text


@dataclass(frozen=True, slots=True)
class Rule:
    """A numbered rule; its first case is the usual one."""

    number: str
    name: str
    cases: tuple[Case, ...]

    def case(self, name: str = "", /) -> Case:
        """The case of that name; the usual one when there is none such."""
        return next((case for case in self.cases if case.name == name), self.cases[0])

    def reason(self, lang: str = "zh", case: str = "", /, **values: object) -> str:
        return self.case(case).reason.render(lang, values)

    def what_to_do(self, lang: str = "zh", case: str = "", /, **values: object) -> str:
        return self.case(case).what_to_do.render(lang, values)

    def explain(self, lang: str = "zh", case: str = "", /, **values: object) -> str:
        """Reason and what to do, Chinese unless `lang` is `en`; missing values are said to be so."""
        between = " " if lang == "en" else ""
        return self.reason(lang, case, **values) + between + self.what_to_do(lang, case, **values)


def _read(table: str) -> Iterator[Rule]:
    """Rules out of the table below: a line `number name`, and five lines a case."""
    for rule in re.split(r"\n(?=V\d\d )", table.strip()):
        head, *cases = rule.split("\n= ")
        number, name = head.split()
        yield Rule(number, name, tuple(map(_read_case, cases)))


def _read_case(lines: str) -> Case:
    """`disposition [name]`, then reason and what to do in Chinese, then both in English."""
    head, reason_zh, todo_zh, reason_en, todo_en = lines.split("\n")
    disposition, _, name = head.partition(" ")
    return Case(name, Disposition(disposition), Text(reason_zh, reason_en), Text(todo_zh, todo_en))


_TABLE = """
V01 repeated_event
= ignore
事件{event_id}已收到过，内容相同。
无需处理，数据未变动。
Event {event_id} was received before with the same content.
Nothing to do; no figure changed.
= ignore told_again
借据{loan_no}的同一笔业务（流水号{number}）已由另一事件报送，金额、日期相同。
只计一次，无需处理；如系误报，请对每一事件分别冲正。
Another event has told the same payment of loan {loan_no} (number {number}), of the same amount and day.
It counts once; nothing to do. If it was wrong, reverse each of the events.
V02 reused_id
= reject
事件编号{event_id}已用于同一对象{subject}的另一内容。
更正请用新编号报送更正或冲正；新业务请换新编号。
Event id {event_id} was used for {subject} with other content.
Send a correction or a reversal, or the new fact, under a new id.
= flag other_subject
事件编号{event_id}同时用于{subject}和{other_subject}。
请核对编号规则，保证同一来源内编号唯一。
Event id {event_id} is used for both {subject} and {other_subject}.
Check how ids are given: an id is unique within its source.
= flag same_number
借据{loan_no}的流水号{number}已用于另一笔金额或日期不同的业务，两笔均按申报计入。
请核对流水号：同一借据内每笔业务一个号；重复报送的请冲正其一。
Number {number} of loan {loan_no} was used for a payment of another amount or day; both count as declared.
Check the numbers: each payment of a loan has its own; reverse one of the two if it was sent twice.
V03 malformed
= reject
字段{field}不符合约定：{value}。
请按字段说明修改后，用新编号重新报送。
Field {field} does not fit the contract: {value}.
Mend it by the description of the field and send it again under a new id.
= reject unknown_type
事件类型或版本无法识别：{value}。
请核对事件类型和版本。
Unknown event type or version: {value}.
Check the event type and its version.
= reject missing_field
缺少必填字段{field}。
请补充该字段后，用新编号重新报送。
The required field {field} is missing.
Add it and send the event again under a new id.
= reject mode_contradiction
续贷方式{mode}与发放类型{issuance_kind}互相矛盾。
请按实际情况改为一致后重新报送。
Mode {mode} and issuance kind {issuance_kind} contradict each other.
Make the two agree and send the event again.
= reject not_supported
字段{field}的值{value}暂不支持。
请改为支持的值，或联系系统管理单位。
The value {value} of {field} is not supported yet.
Give a supported value, or ask who runs the system.
= reject inconsistent
字段{field}（{value}）与字段{other}（{other_value}）不一致。
请核对两个字段后，用新编号重新报送。
Field {field} ({value}) does not agree with {other} ({other_value}).
Check the two and send the event again under a new id.
V04 impossible_amount
= reject
金额字段{field}不能为{value}：此类业务的金额必须大于零。
如需冲回请报送冲正，不要用负数或零金额。
Amount {field} cannot be {value}: this kind of fact needs money.
To take something back send a reversal, not a negative or zero amount.
V05 institution_not_admitted
= park unknown
机构{institution}尚未登记。
请联系主管部门登记；登记在等待期内到达后自动处理，否则退回。
Institution {institution} is not registered yet.
Ask the office to register it; the event is taken in if that comes within the waiting time.
= reject closed
机构{institution}在业务日期{business_date}之前已关闭。
请核对机构代码和业务日期。
Institution {institution} was closed before the business date {business_date}.
Check the institution and the business date.
= reject foreign_sender
来源{source}无权报送机构{institution}的数据。
请由该机构自行报送，或核对机构代码。
Source {source} may not report for institution {institution}.
Let that institution report itself, or check its code.
= reject unsigned
来源{source}已登记签名密钥，但该事件没有签名。
请用本机构密钥对消息内容签名（消息头puhui-signature）后重新报送；如非本机构所发，请立即联系系统管理单位。
A key is registered for {source}, but the event is not signed.
Sign the record's value with your key (header puhui-signature) and send it again; if it is not yours, tell who runs the system at once.
= reject wrongly_signed
事件的签名与来源{source}登记的密钥不符（密钥编号{key}）。
请核对密钥编号、密钥和所签内容后重新报送；如非本机构所发，请立即联系系统管理单位。
The signature does not fit any key registered for {source} (id of the key: {key}).
Check the key, its id and the bytes that are signed, and send it again; if it is not yours, tell who runs the system at once.
V06 impossible_date
= reject future
业务日期{business_date}晚于今天{today}。
请核对业务日期。
Business date {business_date} lies after today, {today}.
Check the business date.
= reject before_institution
业务日期{business_date}早于机构成立日期{valid_from}。
请核对业务日期。
Business date {business_date} lies before the institution existed, {valid_from}.
Check the business date.
= reject later_than
字段{field}的日期{value}晚于{limit}。
请核对日期。
The date {value} in {field} lies after {limit}.
Check the date.
= reject out_of_range
字段{field}的日期{value}不在{first}至{last}之间。
请核对日期；没有截止日期的不填该字段。
The date {value} in {field} is not between {first} and {last}.
Check the date; leave the field out where there is no end.
V07 closed_period
= flag
业务日期{business_date}所在期间{period}已关账。
事件已受理并发起重述；批准前官方数字不变。
Business date {business_date} lies in the closed period {period}.
Accepted, and a restatement is open; official figures stay until it is approved.
= park held
业务日期{business_date}所在期间{period}已关账，等待批准。
请联系主管部门批准；批准前不计入。
Business date {business_date} lies in the closed period {period} and awaits approval.
Ask the office for approval; nothing is counted before.
V08 loan_exists
= reject
借据{loan_no}已存在，且内容不同。
更正请报送更正或冲正；分期发放的后续部分请报送提款。
Loan {loan_no} exists already with other content.
Send a correction or a reversal; a further part of the loan comes as a draw.
V09 unknown_loan
= park
借据{loan_no}尚未报送。
请补报发放或期初存量；在等待期内到达后自动处理，否则退回。
Loan {loan_no} has not been reported.
Send its issue or opening balance; the event is taken in if that comes within the waiting time.
= park unknown_successor
借据{loan_no}由续贷结清，但新借据{new_loan_no}尚未报送。
请补报新借据的发放或续贷；在等待期内到达后自动处理，否则退回。
Loan {loan_no} was settled by renewal, but the new loan {new_loan_no} has not been reported.
Send the new loan; the event is taken in if that comes within the waiting time.
V10 unknown_predecessor
= park
续贷借据{loan_no}所结清的原借据{old_loan_no}尚未报送。
请补报原借据的期初存量；在等待期内到达后自动处理，否则退回。
Renewal {loan_no} settles loan {old_loan_no}, which has not been reported.
Send the old loan's opening balance; the renewal is taken in if that comes in time.
= park cut_list
续贷借据{loan_no}的原借据清单似被截断（{length}个字符）。
请提供完整的原借据清单。
The list of old loans of renewal {loan_no} seems cut, at {length} characters.
Send the whole list of old loans.
V11 renewal_of_ended_loan
= reject
原借据{old_loan_no}在续贷日{business_date}之前已终结（{ended_on}）。
请核对原借据号；先还后贷的请按转贷报送，且间隔不超过30天。
Loan {old_loan_no} ended on {ended_on}, before the renewal on {business_date}.
Check the old loan's number; a loan repaid first and lent again is a bridge, within 30 days.
V12 renewal_across_parties
= reject
续贷借据{loan_no}与原借据{old_loan_no}的客户或机构不一致。
请核对借据号；客户换码或个转企请先报送客户关联。
Renewal {loan_no} and loan {old_loan_no} differ in customer or institution.
Check the numbers; where a customer has changed its code, report the link first.
= flag owner_and_enterprise
续贷借据{loan_no}与原借据{old_loan_no}分属企业主和其企业。
已受理；请确认借款主体。
Renewal {loan_no} and loan {old_loan_no} belong to an owner and the owner's enterprise.
Accepted; confirm who the borrower is.
V13 doubtful_renewal
= flag notice_36
续贷借据{loan_no}申报为无还本续贷，但不符36号文：{detail}。
已按申报计入，并列入“其中存疑”；如有误请报送口径调整。
Renewal {loan_no} is declared no-principal but does not fit notice 36 of 2014: {detail}.
Counted as declared and shown as doubtful; if it is wrong, send a reclassification.
= flag notice_13
续贷借据{loan_no}申报为无还本续贷，但存在{detail}。
已按申报计入，并列入“其中存疑”；如有误请报送口径调整。
Renewal {loan_no} is declared no-principal, but there is: {detail}.
Counted as declared and shown as doubtful; if it is wrong, send a reclassification.
V14 renewal_does_not_add_up
= reject
续贷借据{loan_no}的本金{principal}不等于结清本金合计{settled}加增额{increase}。
请核对原借据清单、各笔结清本金和增额。
Principal {principal} of renewal {loan_no} is not settled {settled} plus increase {increase}.
Check the old loans, the settled part of each, and the increase.
= park over_outstanding
结清本金{settled}超过原借据{old_loan_no}的余额{outstanding}。
请补报遗漏的提款或冲正；在等待期内到达后自动处理，否则退回。
Settled {settled} exceeds the outstanding {outstanding} of loan {old_loan_no}.
Send the missing draw or reversal; the renewal is taken in if that comes in time.
= flag rest_left
申报为无还本续贷，但原借据{old_loan_no}尚有余额{outstanding}。
已按申报计入，并列入“其中存疑”；部分还本请改报部分续贷。
Declared no-principal, but {outstanding} of loan {old_loan_no} stays open.
Counted as declared and shown as doubtful; if partly repaid, report it as partial.
V15 renewal_chain
= reject
续贷借据{loan_no}与原借据{old_loan_no}形成循环，或续贷超出原借据本金。
请核对原借据号和结清本金。
Renewal {loan_no} and loan {old_loan_no} form a cycle, or renew more than the principal.
Check the old loan's number and the settled principal.
= flag same_loan
原借据与新借据同为{loan_no}（同借据续期）。
已按展期并加注续贷受理，以“转标”列示。
Old and new loan are both {loan_no}.
Accepted as an extension with the renewal mark, shown on a line of its own.
V16 extension_shortens
= reject
展期后到期日{new_due_on}不晚于原到期日{old_due_on}（借据{loan_no}）。
提前到期请报送缩期；否则请核对日期。
New due date {new_due_on} is not after {old_due_on} (loan {loan_no}).
A shorter term has an event of its own; otherwise check the dates.
V17 extension_from_other_date
= park
展期所报原到期日{old_due_on}与系统内到期日{due_on}不一致（借据{loan_no}）。
请补报此前的展期；等待期满仍不一致的，受理并标记。
The old due date {old_due_on} is not the one known, {due_on} (loan {loan_no}).
Send the earlier extension; after the waiting time the event is accepted and flagged.
= flag accepted
展期所报原到期日{old_due_on}与系统内到期日{due_on}不一致（借据{loan_no}）。
已受理；请核对到期日。
The old due date {old_due_on} is not the one known, {due_on} (loan {loan_no}).
Accepted; check the due dates.
V18 unusual_extension
= flag
借据{loan_no}展期超过惯常期限，或在到期日之后办理：{detail}。
已受理；请核对展期期限。
The extension of loan {loan_no} is longer than usual or came after the due date: {detail}.
Accepted; check the length of the extension.
V19 repaid_too_much
= park
还款本金{amount}超过借据{loan_no}的余额{outstanding}。
请补报遗漏的冲正，或业务日期不晚于还款的提款；如为续贷第二步，请按续贷结清报送。等待期满退回。
Principal repaid {amount} exceeds the outstanding {outstanding} of loan {loan_no}.
Send the missing reversal, or a draw of that day or before; the second leg of a renewal is reported as such. Refused after the waiting time.
= reject expired
还款本金{amount}超过借据{loan_no}的余额{outstanding}，等待期已满。
请核对金额，补报遗漏业务后重新报送。
Principal repaid {amount} exceeds the outstanding {outstanding} of loan {loan_no}; the wait is over.
Check the amount, send what is missing, and send this again.
V20 balance_differs
= flag
还款后本金余额{value}与系统计算{computed}不一致（借据{loan_no}）。
已受理并列入对账；请核对遗漏的业务。
Principal after the repayment, {value}, differs from the computed {computed} (loan {loan_no}).
Accepted, listed for reconciliation; look for a missing fact.
V21 settled_with_rest
= flag
借据{loan_no}报结清，但余额为{outstanding}，且无核销、转让或续贷。
已受理；请补报遗漏的还款或处置。
Loan {loan_no} is settled with {outstanding} outstanding and no write-off, transfer or renewal.
Accepted; send the missing repayment or disposal.
V22 outside_the_loans_life
= reject
业务日期{business_date}早于借据{loan_no}的发放日{disbursed_on}。
请核对业务日期和借据号。
Business date {business_date} is before loan {loan_no} was paid out, {disbursed_on}.
Check the business date and the loan's number.
= reject ended
业务日期{business_date}晚于借据{loan_no}的终结日{ended_on}。
请核对业务日期和借据号。
Business date {business_date} is after loan {loan_no} ended, {ended_on}.
Check the business date and the loan's number.
= reject before_opening
业务日期{business_date}早于借据{loan_no}的期初日{as_of}，期初余额已含此前的发放。
请核对业务日期；期初余额有误的，请先冲正再重报。
Business date {business_date} is before the opening balance of loan {loan_no}, {as_of}, which holds what was drawn before.
Check the date; an opening balance that is wrong is reversed and sent again.
= reject due_before_issue
借据{loan_no}的到期日{due_on}早于发放日{disbursed_on}。
请核对两个日期。
Loan {loan_no} is due on {due_on}, before it was paid out, {disbursed_on}.
Check the two dates.
V23 class_against_overdue
= flag
借据{loan_no}已逾期{days}天，五级分类仍为{value}。
已受理；请核对分类。
Loan {loan_no} is {days} days past due and still classed {value}.
Accepted; check the class.
V24 reversal
= park unknown
所冲正的事件{reverses_event_id}未收到。
请核对事件编号；在等待期内到达后自动处理，否则退回。
The event to reverse, {reverses_event_id}, has not been received.
Check its id; the reversal is taken in if the event comes within the waiting time.
= park correction_unknown
所更正的事件{corrects_event_id}未收到。
请核对事件编号；在等待期内到达后自动处理，否则退回。
The event to correct, {corrects_event_id}, has not been received.
Check its id; the correction is taken in if the event comes within the waiting time.
= reject not_correctable
事件{corrects_event_id}的字段{name}不能更正。
请冲正该事件，再用新编号重新报送正确的业务。
Field {name} of event {corrects_event_id} cannot be corrected.
Reverse that event, and send the right fact under a new id.
= reject not_partly
事件{reverses_event_id}不能部分冲正。
请整笔冲正，再用新编号重新报送正确的业务。
Event {reverses_event_id} cannot be reversed in part.
Reverse all of it, and send the right fact under a new id.
= park later_facts
事件{reverses_event_id}之后已有后续业务：{events}。
请先依次冲正这些后续业务。
Later facts stand on event {reverses_event_id}: {events}.
Reverse those first, the latest before the others.
= ignore reversed_before
事件{reverses_event_id}此前已冲正。
无需处理。
Event {reverses_event_id} was reversed before.
Nothing to do.
= reject of_reversal
事件{reverses_event_id}本身是冲正，不能再冲正。
请用新编号重新报送原业务。
Event {reverses_event_id} is itself a reversal.
Send the fact again under a new id.
= reject of_correction
事件{reverses_event_id}是更正，不能冲正。
请再次更正同一字段，报送正确的值。
Event {reverses_event_id} is a correction, which is not reversed.
Correct the same field again, with the right value.
= reject foreign
事件{reverses_event_id}由其他来源报送。
请由原报送单位冲正。
Event {reverses_event_id} came from another source.
Let that source reverse it.
= reject too_much
冲正金额{amount}超过原金额{original}。
请核对冲正金额。
The reversed amount {amount} exceeds the original {original}.
Check the amount.
V25 unusual_rate
= flag
借据{loan_no}的年利率{value}%不在常见范围内（大于0、不超过24%）。
已受理；请核对利率及单位。
The rate of loan {loan_no}, {value} % a year, is unusual (above 0, up to 24 %).
Accepted; check the rate and its unit.
V29 line_below_drawn
= flag
单户授信总额{line}小于已用本金{drawn}。
已受理；请核对授信总额。
The customer's total line {line} is below the principal drawn, {drawn}.
Accepted; check the line.
V30 declared_inclusive_but_is_not
= flag
借据{loan_no}申报为普惠型小微企业贷款，但{detail}。
已受理；统计以本系统口径为准，请核对授信总额和企业规模。
Loan {loan_no} is declared inclusive, but: {detail}.
Accepted; our own filter decides. Check the line and the size class.
V31 overlapping_size_class
= reject
企业规模自{valid_from}起的记录与已有记录重叠。
请核对生效日期。
The size class valid from {valid_from} overlaps one that is known.
Check the date from which it holds.
V32 security_contradiction
= reject
借据{loan_no}的担保信息矛盾：主担保方式{main_security}，担保明细{security}。
信用贷款不应有担保合同；其他方式须填担保明细。
The security of loan {loan_no} contradicts itself: main kind {main_security}, details {security}.
A credit loan has no guarantee; any other kind needs its details.
V40 usc_code
= reject malformed
统一社会信用代码{value}长度或字符不符。
请填写18位代码，不用全角字符，不含I、O、S、V、Z。
The code {value} has a wrong length or character.
Give 18 half-width characters without I, O, S, V, Z.
= flag check_failed
统一社会信用代码{value}校验码不符。
请核对；确属登记机关核发的，可申请人工确认。
The check character of the code {value} does not fit.
Check it; a code that was really issued can be confirmed by hand.
V41 unknown_division
= flag
行政区划代码{value}在{business_date}不在代码表中。
已受理；请核对区划代码。
Division code {value} is not in the table valid on {business_date}.
Accepted; check the code.
V42 personal_data
= reject
字段{field}中疑似含有自然人姓名或证件号码、手机号、银行卡号。
请删除个人信息后，用新编号重新报送；原文未保存。
Field {field} seems to hold a person's name, identity, mobile or card number.
Remove it and send the event again under a new id; the content was not kept.
V45 draw
= park unknown_loan
提款所属借据{loan_no}尚未报送。
请补报该借据的发放；在等待期内到达后自动处理，否则退回。
The loan of this draw, {loan_no}, has not been reported.
Send its issue; the draw is taken in if that comes within the waiting time.
= flag over_contract
借据{loan_no}累计发放{drawn}超过合同金额{contract_amount}。
已受理；请核对合同金额或提款金额。
Draws of {drawn} on loan {loan_no} exceed the contract's {contract_amount}.
Accepted; check the contract amount or the draws.
V46 reclassification
= flag old_differs
口径调整所报原值{old}与系统内{effective_on}的值{known}不一致（借据{loan_no}）。
已受理；请核对原值。
The old value {old} is not the one known on {effective_on}, {known} (loan {loan_no}).
Accepted; check the old value.
= reject no_mode
口径调整未注明是差错更正还是政策调整，或政策调整未注明依据。
请注明方式；政策调整须注明文件或规则。
The reclassification does not say error or policy, or a policy one names no rule.
Give the mode, and for a policy the notice or rule.
= reject before_issue
口径调整生效日{effective_on}早于借据{loan_no}的发放日{disbursed_on}。
请核对生效日期。
The effective date {effective_on} is before loan {loan_no} was issued, {disbursed_on}.
Check the effective date.
V47 wrong_environment
= reject
事件标注的环境为{environment}，本系统为{installation}。
演练或测试数据请勿报送到本系统。
The event is marked {environment}; this installation is {installation}.
Do not send drill or test data here.
V49 suspected_unit
= flag
报送数{value}与{reference}相差约一万倍，疑似单位错误（元、万元）。
确认前不用于对账和统计；请核对单位后重报或确认。
The reported {value} differs from {reference} by a factor of about 10,000: yuan for 10,000 yuan?
Not used until confirmed; check the unit, then send it again or confirm it.
"""

RULES: Mapping[str, Rule] = MappingProxyType({rule.number: rule for rule in _read(_TABLE)})
"""Every rule by its number."""
