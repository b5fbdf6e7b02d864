"""Deleting what the law does not let be kept: adverse information five years past its end.

浙江省公共信用信息管理条例 art. 16 (text of 2017): 不良信息 is kept for five years from the end of the adverse act or
event.
"""
