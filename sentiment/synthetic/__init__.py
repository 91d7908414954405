"""Made-up calls, contact records and surveys with known answers, drawn from a seed.

calls      calls with planted shifts and what triggers each
centre     what a contact centre is like; queue, records and tables make its days, hours and files
surveyed   scored calls with estimates, and surveys with planted agreement, bias, drift, or nothing
"""
