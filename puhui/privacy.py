"""Rule V42 judges whether a free text holds what looks like a natural person's name or number.

A guess by pattern, in favour of the sender: an institution's name, a place, a loan number or a note such as
临时周转 is no finding. What it finds it never repeats; a finding is a kind and a position.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Personal(StrEnum):
    """What a text seems to hold."""

    NAME = "name"
    IDENTITY_NUMBER = "identity_number"
    MOBILE_NUMBER = "mobile_number"
    BANK_CARD = "bank_card"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found, from `start` to before `end` of the text; never the text itself."""

    kind: Personal
    start: int
    end: int


def find_personal(text: str) -> Finding | None:
    """The first personal name or number that the text seems to hold, numbers before names."""
    if _DIGITS.search(text):
        text = text.translate(_HALF_WIDTH)
        for kind, pattern, holds in _NUMBERS:
            for found in pattern.finditer(text):
                if holds(re.sub(r"[ \-]", "", found.group())):
                    return Finding(kind, found.start(), found.end())
    if _HAN.search(text) is None:
        return None
    return _name(text)


def _name(text: str) -> Finding | None:
    """A name behind a label, before a form of address, or alone in the field."""
    if whole := _ALONE.fullmatch(text):
        name = whole.group("name")
        if _like_a_name(name) and not (len(name) == 2 and name[0] in _WORDLIKE):
            return Finding(Personal.NAME, *whole.span("name"))
        return None
    for pattern in (_LABELLED, _ADDRESSED):
        for found in pattern.finditer(text):
            if _like_a_name(found.group("name")):
                return Finding(Personal.NAME, *found.span("name"))
    return None


def _like_a_name(name: str) -> bool:
    """No word that only begins like a surname, no surname alone, no masked name 某, no place, shop or sum."""
    if name.startswith(_DOUBLE_SURNAMES):
        return True
    if name.endswith(("先生", "女士", "小姐", "同志", "师傅", "经理", "老师")):
        return False
    return not (_WORDS.match(name) or "某" in name or name[-1] in _NO_NAME_ENDS_SO)


def _identity_18(number: str) -> bool:
    """18 characters: a province, a date of birth, and the check character of GB 11643 (ISO 7064 MOD 11-2)."""
    total = sum(int(digit) * (2 ** (17 - n) % 11) for n, digit in enumerate(number[:17]))
    return _born(number[:2], number[6:14]) and "10X98765432"[total % 11] == number[17].upper()


def _identity_15(number: str) -> bool:
    """15 digits of the old form: a province and a date of birth in the 1900s."""
    return _born(number[:2], "19" + number[6:12])


def _born(province: str, day: str) -> bool:
    if province not in _PROVINCES:
        return False
    try:
        return 1900 <= date(int(day[:4]), int(day[4:6]), int(day[6:])).year <= 2100
    except ValueError:
        return False


def _card(number: str) -> bool:
    """The check digit of a bank card (Luhn)."""
    doubled = (int(digit) * (2 if n % 2 else 1) for n, digit in enumerate(reversed(number)))
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def _any(number: str) -> bool:
    return True


_PROVINCES = tuple(
    str(code)
    for first, last in ((11, 15), (21, 23), (31, 37), (41, 46), (50, 54), (61, 65), (71, 71), (81, 83))
    for code in range(first, last + 1)
)

_DIGITS = re.compile(r"\d[\d \-]{9}")
_HALF_WIDTH = str.maketrans("０１２３４５６７８９Ｘｘ－", "0123456789Xx-")
_HAN = re.compile(r"[\u4e00-\u9fff]")

_ALONE_FROM, _ALONE_TO = r"(?<![0-9A-Za-z\-])", r"(?![0-9A-Za-z\-])"
_NUMBERS: tuple[tuple[Personal, re.Pattern[str], Callable[[str], bool]], ...] = (
    (
        Personal.IDENTITY_NUMBER,
        re.compile(rf"{_ALONE_FROM}\d{{6}}[ \-]?\d{{8}}[ \-]?\d{{3}}[\dXx]{_ALONE_TO}"),
        _identity_18,
    ),
    (
        Personal.IDENTITY_NUMBER,
        re.compile(rf"{_ALONE_FROM}\d{{6}}[ \-]?\d{{6}}[ \-]?\d{{3}}{_ALONE_TO}"),
        _identity_15,
    ),
    (
        Personal.MOBILE_NUMBER,
        re.compile(rf"{_ALONE_FROM}(?:(?:\+|00)?86[ \-]?)?1[3-9]\d[ \-]?\d{{4}}[ \-]?\d{{4}}{_ALONE_TO}"),
        _any,
    ),
    (
        Personal.BANK_CARD,
        re.compile(rf"{_ALONE_FROM}62\d{{2}}(?:[ \-]?\d{{4}}){{3}}(?:[ \-]?\d{{1,3}})?{_ALONE_TO}"),
        _card,
    ),
    (
        Personal.BANK_CARD,
        re.compile(
            rf"(?:卡号|银行卡|账号|帐号)[:：]?\s*\d{{4}}(?:[ \-]?\d{{4}}){{3}}(?:[ \-]?\d{{1,3}})?{_ALONE_TO}"
        ),
        lambda number: _card(re.sub(r"\D", "", number)),
    ),
)

_SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔"
    "钟谭陆汪范金石廖贾夏韦付傅方白邹孟熊秦邱江尹薛闫阎段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤温康施文牛樊葛"
    "邢安齐易乔伍庞颜倪庄聂章鲁岳翟殷詹申欧耿关兰焦俞左柳甘祝包宁尚符舒阮柯纪梅童凌毕单季裴霍涂成苗谷盛曲翁冉骆蓝路"
    "游辛靳管柴蒙鲍华喻祁蒲房滕屈饶解牟艾尤阳穆司卓古吉缪简车芦麦褚娄窦戚岑景党宫卜晏卫米柏宗瞿桂佟"
    "臧闵苟邬边卞姬仇栾隋刁沙荣巫寇桑郎甄丛仲虞敖巩佘池麻苑迟邝"
)
_WORDLIKE = frozenset(
    "高方金马石白黄牛温康江龙路万雷段蓝梅古林文范葛麦柴党左柳任严关焦童施杜阳向盛汤陆于成安常毛余程管车华章吉田夏米苗桂简花沙"
)
"""Surnames that begin many a word of two characters: such a pair alone in a field is taken for the word."""
_DOUBLE_SURNAMES = (
    "欧阳",
    "上官",
    "司马",
    "诸葛",
    "夏侯",
    "皇甫",
    "尉迟",
    "公孙",
    "慕容",
    "令狐",
    "司徒",
    "端木",
    "东方",
)
_GIVEN = r"[\u4e00-\u9fff]"
_NAME = rf"(?P<name>(?:{'|'.join(_DOUBLE_SURNAMES)}){_GIVEN}{{1,2}}|[{_SURNAMES}]{_GIVEN}{{1,2}})"
_NAME_ENDS = r"(?![\u4e00-\u9fff])"
_FOLLOWS = r"(?=$|[^\u4e00-\u9fff]|(?:的|电话|手机|身份证|联系|签字|签名|本人|等人|为|系|已|因|于))"

_LABELS = (
    "姓名|联系人|法定代表人|法人代表|法人|负责人|实际控制人|控制人|经办人|经办|借款人|共同借款人|担保人|保证人|户主|"
    "客户经理|信贷员|经营者|业主|股东|配偶|收款人|申请人|本人"
)
_LABELLED = re.compile(rf"(?:{_LABELS})(?:姓名|名字)?\s*(?:[:：]|是|为|叫|\s)?\s*{_NAME}{_FOLLOWS}")
_ADDRESSED = re.compile(rf"{_NAME}(?:先生|女士|小姐|同志|师傅)")
_ALONE = re.compile(rf"\s*{_NAME}{_NAME_ENDS}\s*")

_WORDS = re.compile(
    "周转|高管|高级|高新|高风|高于|金融|金额|方便|方式|严重|严格|于上|于下|于本|于次|于今|任职|任何|安排|安全|常规|包括|万元|成立|"
    "成本|成功|成员|平台|江苏|江西|石油|石料|石材|马上|马铃|温室|温州|林业|林地|林木|林场|牛羊|牛奶|谷物|谷子|毛利|毛巾|毛猪|钱款|"
    "黄金|黄牛|黄芪|杨树|李子|施工|施肥|曲沃|曲亭|古县|蒲县|吉县|侯马|霍州|安泽|向上|向下|向本|向银|管理|管道|车辆|车间|车贷|车款|"
    "余额|余款|路面|路灯|阳光|党员|申请|申报|解除|解决|解押|单位|单户|单笔|季度|季节|边境|简化|简易|易地|章程|符合|尚未|尚可|尚需|"
    "关联|关于|关闭|关停|文件|文具|文化|白酒|白菜|康复|司法|米面|房贷|房租|房产|房屋|华北|荣誉|景区|苗木|苗圃|花费|宗地|宗教|桂花|"
    "游客|沙石|沙棘|池塘|麻袋|柴油|柴火|左右|祝贺|宁夏|安徽|安置|安装|陕西|焦炭|焦煤|甘肃|汤料|汤锅|龙头|金银|水泥|夏季|秋季|冬季|"
    "夏粮|夏收|秦皇|贾村|田地|田间|许可|许多|何时|何种|计划|莫名|任务|任期|程序|程度|钟表|雷管|万安|沈阳|郑州|徐州|苏州|杭州|兰州|"
    "贺卡|武装|顾客|孔雀|盛夏|齐全|史料|陶瓷|童装|梅花|唐装|宋体|韩国|蒙古|莫要|范围|石灰|石膏|石英|毕业|毕竟|成品|成套|成交|卫生|"
    "卫浴|穆斯|艾草|尤其|麦子|麦种|房地|付款|付清|付息|付现|付工|付货|付材|包装|包工|包含|解付|支付|向阳|单独|于二|于三|于四|于五|"
    "于六|于七|于八|于九|于十|于一|于年|于当|于到|于每|祝好|祝愿|华为|华东|周末|周边|周期|周一|周二|周三|周四|周五|周六|周日|胡萝|"
    "胡麻|方案|方木|任意|高粱|高科|高标|高质|高速|白面|白灰|白糖|白砂|石子|石粉|黄土|黄豆|金属|金矿|林果|林下|林产|葛根|雷达|段落|"
    "龙门|江边|古建|古城|吉祥|牛肉|马匹|马力|马达|温棚|温泉|路桥|康养|蓝莓|蓝图|麦收|汤泉|文旅|文教|范本|阳台|阳泉|阳曲|陆拾|关注|"
    "焦化|党参|柴胡|杜仲|严控|童鞋|施救|柳编|梅子|叶菜|苏打|夏玉|夏播|朱砂|谢绝|曾经|曾用|许诺|杨木|杨梅|丁香|陈旧|陈列|陈醋|陈化|"
    "周年|周全|罗列|何况|孙子|赵城|苏堡|刘家|辛村|左木|龙马|甘亭|田园|汪洋|余下|武汉|江南|成都|秦岭|姜片|熊猫|梁柱|唐代|张贴|伍拾|"
    "伍佰|伍万|陆佰|万头|万只|万亩"
)
"""Words that begin with a character that is also a surname; 2–3 characters that begin so are no name."""

_NO_NAME_ENDS_SO = "款费厂店县市省镇乡村庄局社司贷债息账站铺坊行部区路街号户垣家元月日年季期类业料"
