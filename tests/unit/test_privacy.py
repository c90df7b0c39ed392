"""Rule V42: what looks like a person in a free text, and what does not."""

import random
import time
import tracemalloc
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregates.decide_common import personal
from aggregates.outcomes import Refused
from puhui.contract.customers import LineData
from puhui.privacy import Personal, find_personal
from streams.rejections import said

# Invented numbers; the check characters were computed for the tests.


def with_check(first17: str) -> str:
    total = sum(
        int(d) * w
        for d, w in zip(first17, (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2), strict=True)
    )
    return first17 + "10X98765432"[total % 11]


def found(text: str) -> tuple[Personal, str] | None:
    finding = find_personal(text)
    return None if finding is None else (finding.kind, text[finding.start : finding.end])


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("张三", "张三"),
        ("高志强", "高志强"),
        ("联系人：高峰", "高峰"),
        (" 王小明 ", "王小明"),
        ("欧阳修文", "欧阳修文"),
        ("联系人：李建国", "李建国"),
        ("联系人 李建国", "李建国"),
        ("客户姓名:赵敏，已签字", "赵敏"),
        ("法定代表人为刘伟。", "刘伟"),
        ("法人代表陈晓东，已到期", "陈晓东"),
        ("经办人:周涛", "周涛"),
        ("担保人李四已代偿", "李四"),
        ("股东张华的配偶", "张华"),
        ("与张伟先生面谈", "张伟"),
        ("户主：诸葛明", "诸葛明"),
    ],
)
def test_a_name_is_found_where_it_stands(text: str, name: str) -> None:
    assert found(text) == (Personal.NAME, name)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "临时周转",
        "周转",
        "经营周转",
        "购进原料",
        "应收账款",
        "石料",
        "马铃薯",
        "胡萝卜",
        "关注",
        "焦化",
        "金属",
        "高粱",
        "方案",
        "赵城",
        "陆拾万",
        "应付款",
        "正常",
        "流动资金",
        "支付货款",
        "黄牛养殖",
        "金银花",
        "施工",
        "高新区",
        "万安镇",
        "李家庄",
        "王村",
        "洪洞县大槐树镇",
        "侯马市",
        "吉县",
        "汾源农商行",
        "槐乡村镇银行",
        "国农支行",
        "邮储类支行",
        "农商行",
        "山西金源商贸有限公司",
        "张三饭店",
        "王记面馆",
        "借款人周转困难",
        "借款人于上月还款",
        "借款人王某",
        "法人治理结构",
        "法人金融机构",
        "负责人变更",
        "联系人未提供",
        "联系人：县金融办",
        "联系人：信贷部",
        "法定代表人：暂缺",
        "申请人：山西金源商贸有限公司",
        "王先生",
        "借新还旧",
        "系统割接补录",
        "金规〔2024〕13号",
        "核心系统换号",
        "2024年第三季度续贷",
        "core migration",
    ],
)
def test_a_note_a_place_or_an_institution_is_no_person(text: str) -> None:
    assert found(text) is None


@pytest.mark.parametrize("text", ["身份证{}", "证件号码：{}。", "{}", "x {} y"])
def test_an_identity_number_is_found_by_its_check_character(text: str) -> None:
    number = with_check("14262519800101001")
    assert found(text.format(number)) == (Personal.IDENTITY_NUMBER, number)
    wrong = number[:17] + ("1" if number[17] != "1" else "2")
    assert found(text.format(wrong)) is None


def test_an_identity_number_in_groups_is_found() -> None:
    number = with_check("14262519800101001")
    assert found(f"{number[:6]} {number[6:14]} {number[14:]}") is not None


def test_an_identity_number_of_the_old_form_is_found() -> None:
    assert found("证件142625800101001") == (Personal.IDENTITY_NUMBER, "142625800101001")
    assert found("流水142625801301001") is None


def test_eighteen_digits_without_a_date_of_birth_are_a_loan_number() -> None:
    assert found("借据" + with_check("14262520241332001")) is None


@pytest.mark.parametrize(
    "text", ["13812345678", "电话138-1234-5678", "+8613812345678", "手机138 1234 5678。"]
)
def test_a_mobile_number_is_found(text: str) -> None:
    finding = find_personal(text)
    assert finding is not None
    assert finding.kind is Personal.MOBILE_NUMBER


def test_a_bank_card_is_found_by_its_check_digit() -> None:
    assert found("收款 6222020200112233446") == (Personal.BANK_CARD, "6222020200112233446")
    assert found("收款 6222020200112233447") is None
    assert found("卡号：4000 0012 3456 7899") is not None
    assert found("卡号：4000 0012 3456 7890") is None


@pytest.mark.parametrize(
    "text",
    [
        "9114102400000T018M",
        "91110000600037341L",
        "JJ20240312000123456",
        "借据2024031200012345",
        "2024-10-18",
        "余额26042000.00元",
        "批次20241018-0001",
        "A13812345678",
        "138123456789012",
    ],
)
def test_codes_loan_numbers_dates_and_amounts_are_no_persons(text: str) -> None:
    assert found(text) is None


def test_full_width_digits_do_not_hide_a_mobile_number() -> None:
    finding = find_personal("电话１３８１２３４５６７８")
    assert finding is not None
    assert finding.kind is Personal.MOBILE_NUMBER


@given(st.text(max_size=200))
def test_no_text_raises_and_a_finding_lies_inside_it(text: str) -> None:
    finding = find_personal(text)
    assert finding is None or 0 <= finding.start < finding.end <= len(text)


def test_random_long_numbers_seldom_look_personal() -> None:
    dice = random.Random(7)
    numbers = [f"{dice.randrange(10**18, 10**19)}" for _ in range(10_000)]
    assert sum(find_personal(number) is not None for number in numbers) < 100


def test_an_ordinary_text_is_judged_in_microseconds() -> None:
    texts = [
        "临时周转",
        "购进原料一批，期限十二个月",
        "JJ20240312000123456",
        "核心系统割接补录，详见附件",
    ] * 2_500
    start = time.perf_counter()
    for text in texts:
        find_personal(text)
    assert (time.perf_counter() - start) / len(texts) < 50e-6


def test_a_long_text_takes_no_longer_than_its_length_deserves() -> None:
    text = "借款人王" * 2_000 + "1 " * 5_000
    start = time.perf_counter()
    find_personal(text)
    assert time.perf_counter() - start < 0.5


@pytest.mark.parametrize("between", ["８", "8", "-", "/", "x", "（", "·", "\u200b"])
def test_an_answer_repeats_no_name_whatever_stands_before_it(between: str) -> None:
    refused = Refused(
        "V05", "source", {"institution": "9114", "source": f"联系人{between}张三"}, "foreign_sender"
    )
    assert "张三" not in said(refused)
    assert "***" in said(refused)


def test_an_answer_repeats_what_is_no_name() -> None:
    values = {"institution": "9114", "source": "urn:puhui:inst:某农商银行/二号系统"}
    assert "某农商银行/二号系统" in said(Refused("V05", "source", values, "foreign_sender"))


def test_texts_that_were_judged_are_remembered_where_they_are_short() -> None:
    """Memory must not be filled by who sends ever new long ones; what is held back is judged the same again."""

    def told(reason: str) -> LineData:
        return LineData(
            business_date=date(2024, 6, 3), institution_id="B", line_no="L", customer_ref="C", total_line_fen=1,
            valid_from=date(2024, 6, 3), reason=reason,
        )  # fmt: skip

    tracemalloc.start()
    try:
        assert all(personal(told(f"{number}" + "贷" * 490)) is None for number in range(10_000))
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 100 * 10_000  # a hundred bytes of each: what else runs in the process holds something, too
    for _ in range(2):
        refused = personal(told("贷" * 400 + "联系人张三"))
        assert refused is not None
        assert (refused.rule, refused.field) == ("V42", "data.reason")
