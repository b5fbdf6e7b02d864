"""Words of the synthetic province: roads, villages, trades, names. The bottom of the generator.

All are common words put together at random: a real road, firm or person in the result is chance.
"""

from __future__ import annotations

from typing import Final

_ROAD_STEMS: Final = (
    "人民 解放 建设 中山 和平 新华 文化 学院 体育场 环城 江滨 滨江 滨河 湖滨 府前 东方 兴业 工业 创业 "
    "科技 商城 迎宾 朝阳 青年 文晖 长江 黄河 钱江 凤起 清泰 望江 秋涛 景昙 锦绣 锦江 天目 莫干 会稽 括苍 "
    "雁荡 四明 江南 江东 江北 城南 城北 育才 劳动 民主 团结 胜利 光明 振兴 繁荣 富春 春江 秀洲 南湖 平安 "
    "康宁 永安 长乐 嘉禾 银泰 金桥 玉泉 梅园 桂花 松涛 翠柏 兰亭 荷塘 柳岸 竹林"
).split()
_ROAD_FORMS: Final = ("路", "东路", "西路", "南路", "北路", "大道", "街", "巷")
ROADS: Final = tuple(
    stem + form
    for number, stem in enumerate(_ROAD_STEMS)
    for form in (_ROAD_FORMS[number % 8], _ROAD_FORMS[(number + 3) % 8])
)

_VILLAGE_STARTS: Final = "上 下 前 后 东 西 南 北 大 小 新 老 里 外 石 白 青 黄 红 金".split()
_VILLAGE_ENDS: Final = "塘 湖 桥 畈 岙 垟 埠 宅 坞 坑 岭 溪 浦 潭 店 墩 徐 陈 杨 樟".split()
VILLAGES: Final = tuple(f"{start}{end}村" for start in _VILLAGE_STARTS for end in _VILLAGE_ENDS)

_PLACE_STARTS: Final = (
    "锦 翠 金 银 明 汇 华 富 天 海 东 新 嘉 恒 瑞 宏 盛 龙 凤 云 星 世 环 中 紫 绿 阳 春 秋 和".split()
)
_PLACE_ENDS: Final = "源 泰 和 盛 丰 茂 都 城 江 山 湖 澜 园 庭 景 程 达 通 信 联 创 业 光 辉 宇 洲 河 泉 岸 辰".split()
PLACES: Final = tuple(start + end for start in _PLACE_STARTS for end in _PLACE_ENDS)
"""Names of towers, compounds and markets: 900."""

SURNAMES: Final = (
    "王 李 张 刘 陈 杨 黄 赵 吴 周 徐 孙 马 朱 胡 郭 何 林 罗 高 郑 梁 谢 宋 唐 许 邓 冯 韩 曹 曾 彭 萧 "
    "蔡 潘 田 董 袁 于 余 叶 蒋 杜 苏 魏 程 吕 丁 沈 任 姚 卢 傅 钟 姜 崔 谭 廖 范 汪 陆 金 石 戴 贾 韦 "
    "夏 邱 方 侯 邹 熊 孟 秦 白 江 阎 薛 尹 段"
).split()
GIVEN: Final = (
    "伟 芳 娜 敏 静 丽 强 磊 军 洋 勇 艳 杰 娟 涛 明 超 兰 霞 平 刚 桂 英 华 玉 萍 红 文 建 国 志 海 晓 "
    "春 秀 云 俊 峰 新 浩 宇 欣 雨 梓 涵 子 轩 思 佳 琪 雪 梅 林 森 鑫 波 斌 辉 康 健 利 民 永 福 贵 祥 "
    "瑞 庆 生 东 南 西 北 山 川 江 河 星 辰 月"
).split()

STEM_STARTS: Final = (
    "嘉 恒 瑞 宏 盛 隆 鼎 永 昌 兴 泰 旺 顺 祥 丰 裕 安 康 禾 稻 橙 梧 桐 朗 沐 启 拓 卓 辰 曜 澜 屿".split()
)
STEM_ENDS: Final = (
    "禾 源 泽 诚 信 和 达 通 润 茂 立 邦 鸿 图 航 帆 云 川 岳 松 柏 乔 木 石 泉 湖 溪 月 星 舟 谷 里".split()
)
SHOP_TRADES: Final = (
    "小吃店 便利店 服装店 水果店 理发店 百货店 五金店 餐馆 面馆 文具店 花店 茶叶店 修理店 建材经营部 "
    "水产摊 干洗店 母婴店 电器店 饰品商行 布料商行"
).split()
FIRM_TRADES: Final = (
    "贸易 电子商务 科技 信息技术 企业管理 建筑工程 物流 纺织 五金 服饰 电气 机械 塑料 文化传媒 餐饮管理 "
    "广告 装饰 供应链 进出口 新材料"
).split()
MADE_UP: Final = "（虚构）"
"""Stands in every enterprise's name, so that nobody takes it for a real one."""

SHOP_INDUSTRIES: Final = (
    "F5211 F5212 F5225 F5229 F5232 F5234 F5239 F5261 F5273 F5274 F5281 F5283 F5289 F5299 H6210 H6220 "
    "H6231 H6291 H6299 O8040 O8051 O8111 O8119 O8129 O8192 R9053 A0141 F5191 F5292 G5431"
).split()
FIRM_INDUSTRIES: Final = (
    "C1713 C1751 C1819 C1821 C1921 C2130 C2231 C2438 C2927 C3311 C3389 C3525 C3823 C3985 E4710 E4813 "
    "E4999 E5011 F5123 F5131 F5137 F5164 F5175 F5179 F5181 F5191 F5193 F5292 G5431 G5990 H6110 I6410 "
    "I6429 I6490 I6513 I6550 K7010 K7020 L7119 L7211 L7221 L7249 L7251 L7259 L7281 L7299 M7320 M7482 "
    "M7519 M7590 N7820 O8010 P8391 R8890"
).split()
"""GB/T 4754-2017 classes, by letter and four digits."""

FARM_INDUSTRIES: Final = "A0111 A0141 A0151 A0169 A0321 A0411 A0513".split()

PENALTIES: Final = "罚款 警告 没收违法所得 没收非法财物 责令停产停业".split()
COMPLAINTS: Final = "食品 服装 家用电器 餐饮服务 美容美发 装修建材 预付卡 网络购物 价格 广告".split()
SAMPLES: Final = "食用农产品 糕点 饮料 童装 电线电缆 玩具 涂料 化妆品 灯具 小家电".split()

FULL_WIDTH: Final = str.maketrans("0123456789-#", "０１２３４５６７８９－＃")
_NUMERALS: Final = "零一二三四五六七八九"


def chinese_number(number: int) -> str:
    """A whole number from 1 to 99 as people write it: 12 is 十二.

    >>> [chinese_number(number) for number in (3, 10, 12, 25)]
    ['三', '十', '十二', '二十五']
    """
    tens, units = divmod(number, 10)
    text = ("" if tens == 1 else _NUMERALS[tens]) + "十" if tens else ""
    return text + (_NUMERALS[units] if units or not tens else "")
