"""The schema and the figures of a short command, as data.

Written by .ci/write-run-tables.
"""

from __future__ import annotations

VERSION = 2

SERVED = ('disk_read',
 'disk_write',
 'disk_write_cancelled',
 'faults',
 'faults_with_io',
 'open_files',
 'pss',
 'read',
 'rss_peak',
 'switches_invol',
 'switches_vol',
 'system',
 'threads',
 'user',
 'uss',
 'write')

SCHEMA = ('{"metrics": [{"key": "cpu_rate_user", "description": "CPU time in user mode, in '
 'seconds a second: 1.0 is one core kept busy.", "unit": "", "value_type": "float", '
 '"min_value": 0.0, "max_value": null}, {"key": "cpu_rate_system", "description": "CPU '
 'time in the kernel, in seconds a second: 1.0 is one core kept busy.", "unit": "", '
 '"value_type": "float", "min_value": 0.0, "max_value": null}, {"key": '
 '"memory_page_faults_without_io", "description": "Page faults a second that needed no '
 'input or output.", "unit": "", "value_type": "float", "min_value": 0.0, "max_value": '
 'null}, {"key": "memory_page_faults_with_io", "description": "Page faults a second '
 'that were served by reading from a disk.", "unit": "", "value_type": "float", '
 '"min_value": 0.0, "max_value": null}, {"key": "io_disk_read", "description": "Bytes '
 'fetched from storage a second.", "unit": "B/s", "value_type": "float", "min_value": '
 '0.0, "max_value": null}, {"key": "io_disk_write", "description": "Bytes sent to '
 'storage a second.", "unit": "B/s", "value_type": "float", "min_value": 0.0, '
 '"max_value": null}, {"key": "io_disk_write_cancelled", "description": "Bytes a '
 'second that count as written, by whichever process, and never reached storage: this '
 'one truncated or removed their file before.", "unit": "B/s", "value_type": "float", '
 '"min_value": 0.0, "max_value": null}, {"key": "io_read", "description": "Bytes read '
 'by calls a second, wherever they were.", "unit": "B/s", "value_type": "float", '
 '"min_value": 0.0, "max_value": null}, {"key": "io_write", "description": "Bytes '
 'written by calls a second, wherever to.", "unit": "B/s", "value_type": "float", '
 '"min_value": 0.0, "max_value": null}, {"key": "context_switches_vol", "description": '
 '"Context switches a second that the process asked for.", "unit": "", "value_type": '
 '"float", "min_value": 0.0, "max_value": null}, {"key": "context_switches_invol", '
 '"description": "Context switches a second that the kernel forced.", "unit": "", '
 '"value_type": "float", "min_value": 0.0, "max_value": null}, {"key": "cpu_time", '
 '"description": "CPU time since the measurement began.", "unit": "s", "value_type": '
 '"float", "min_value": 0.0, "max_value": null}, {"key": "memory_rss", "description": '
 '"Resident memory now. Of several processes, what they share counts for each.", '
 '"unit": "bytes", "value_type": "int", "min_value": 0.0, "max_value": null, '
 '"upper_bound": true}, {"key": "memory_rss_peak", "description": "The most resident '
 'memory that one process held at one moment, so far.", "unit": "bytes", "value_type": '
 '"int", "min_value": 0.0, "max_value": null, "upper_bound": true, "peak_of": '
 '"memory_rss"}, {"key": "memory_uss", "description": "Memory that is not shared: what '
 'would be free without the process.", "unit": "bytes", "value_type": "int", '
 '"min_value": 0.0, "max_value": null}, {"key": "memory_pss", "description": "Memory '
 'that is not shared, and an equal part of what is.", "unit": "bytes", "value_type": '
 '"int", "min_value": 0.0, "max_value": null}, {"key": "threads", "description": '
 '"Threads now.", "unit": "", "value_type": "int", "min_value": 0.0, "max_value": '
 'null}, {"key": "open_files", "description": "Open files, pipes and sockets now.", '
 '"unit": "", "value_type": "int", "min_value": 0.0, "max_value": null}, {"key": '
 '"processes", "description": "Processes now.", "unit": "", "value_type": "int", '
 '"min_value": 0.0, "max_value": null}], "subjects": [{"key": "process", '
 '"description": "The process that is measured.", "scope": "process"}, {"key": "tree", '
 '"description": "The process and all that descend from it, together.", "scope": '
 '"tree"}], "measures": [{"key": "process.cpu_rate_user", "subject": "process", '
 '"metric": "cpu_rate_user"}, {"key": "process.cpu_rate_system", "subject": "process", '
 '"metric": "cpu_rate_system"}, {"key": "process.memory_page_faults_without_io", '
 '"subject": "process", "metric": "memory_page_faults_without_io"}, {"key": '
 '"process.memory_page_faults_with_io", "subject": "process", "metric": '
 '"memory_page_faults_with_io"}, {"key": "process.io_disk_read", "subject": "process", '
 '"metric": "io_disk_read"}, {"key": "process.io_disk_write", "subject": "process", '
 '"metric": "io_disk_write"}, {"key": "process.io_disk_write_cancelled", "subject": '
 '"process", "metric": "io_disk_write_cancelled"}, {"key": "process.io_read", '
 '"subject": "process", "metric": "io_read"}, {"key": "process.io_write", "subject": '
 '"process", "metric": "io_write"}, {"key": "process.context_switches_vol", "subject": '
 '"process", "metric": "context_switches_vol"}, {"key": '
 '"process.context_switches_invol", "subject": "process", "metric": '
 '"context_switches_invol"}, {"key": "process.cpu_time", "subject": "process", '
 '"metric": "cpu_time"}, {"key": "process.memory_rss", "subject": "process", "metric": '
 '"memory_rss"}, {"key": "process.memory_rss_peak", "subject": "process", "metric": '
 '"memory_rss_peak"}, {"key": "process.memory_uss", "subject": "process", "metric": '
 '"memory_uss"}, {"key": "process.memory_pss", "subject": "process", "metric": '
 '"memory_pss"}, {"key": "process.threads", "subject": "process", "metric": '
 '"threads"}, {"key": "process.open_files", "subject": "process", "metric": '
 '"open_files"}, {"key": "tree.cpu_rate_user", "subject": "tree", "metric": '
 '"cpu_rate_user"}, {"key": "tree.cpu_rate_system", "subject": "tree", "metric": '
 '"cpu_rate_system"}, {"key": "tree.memory_page_faults_without_io", "subject": "tree", '
 '"metric": "memory_page_faults_without_io"}, {"key": '
 '"tree.memory_page_faults_with_io", "subject": "tree", "metric": '
 '"memory_page_faults_with_io"}, {"key": "tree.io_disk_read", "subject": "tree", '
 '"metric": "io_disk_read"}, {"key": "tree.io_disk_write", "subject": "tree", '
 '"metric": "io_disk_write"}, {"key": "tree.io_disk_write_cancelled", "subject": '
 '"tree", "metric": "io_disk_write_cancelled"}, {"key": "tree.io_read", "subject": '
 '"tree", "metric": "io_read"}, {"key": "tree.io_write", "subject": "tree", "metric": '
 '"io_write"}, {"key": "tree.context_switches_vol", "subject": "tree", "metric": '
 '"context_switches_vol"}, {"key": "tree.context_switches_invol", "subject": "tree", '
 '"metric": "context_switches_invol"}, {"key": "tree.cpu_time", "subject": "tree", '
 '"metric": "cpu_time"}, {"key": "tree.memory_rss", "subject": "tree", "metric": '
 '"memory_rss"}, {"key": "tree.memory_rss_peak", "subject": "tree", "metric": '
 '"memory_rss_peak"}, {"key": "tree.memory_uss", "subject": "tree", "metric": '
 '"memory_uss"}, {"key": "tree.memory_pss", "subject": "tree", "metric": '
 '"memory_pss"}, {"key": "tree.threads", "subject": "tree", "metric": "threads"}, '
 '{"key": "tree.processes", "subject": "tree", "metric": "processes"}, {"key": '
 '"tree.open_files", "subject": "tree", "metric": "open_files"}]}')

PROCESS_RATES = (('process.cpu_rate_user', 0),
 ('process.cpu_rate_system', 1),
 ('process.memory_page_faults_without_io', 2),
 ('process.memory_page_faults_with_io', 3),
 ('process.io_disk_read', 4),
 ('process.io_disk_write', 5),
 ('process.io_disk_write_cancelled', 6),
 ('process.io_read', 7),
 ('process.io_write', 8),
 ('process.context_switches_vol', 9),
 ('process.context_switches_invol', 10))

PROCESS_LEVELS = (('process.cpu_time', 'cpu_time'),
 ('process.memory_rss', 'rss'),
 ('process.memory_rss_peak', 'rss_peak'),
 ('process.memory_uss', 'uss'),
 ('process.memory_pss', 'pss'),
 ('process.threads', 'threads'),
 ('process.open_files', 'open_files'))

TREE_RATES = (('tree.cpu_rate_user', 0),
 ('tree.cpu_rate_system', 1),
 ('tree.memory_page_faults_without_io', 2),
 ('tree.memory_page_faults_with_io', 3),
 ('tree.io_disk_read', 4),
 ('tree.io_disk_write', 5),
 ('tree.io_disk_write_cancelled', 6),
 ('tree.io_read', 7),
 ('tree.io_write', 8),
 ('tree.context_switches_vol', 9),
 ('tree.context_switches_invol', 10))

TREE_LEVELS = (('tree.cpu_time', 'cpu_time'),
 ('tree.memory_rss', 'rss'),
 ('tree.memory_rss_peak', 'rss_peak'),
 ('tree.memory_uss', 'uss'),
 ('tree.memory_pss', 'pss'),
 ('tree.threads', 'threads'),
 ('tree.processes', 'processes'),
 ('tree.open_files', 'open_files'))

FIGURES = {'duration': ('Duration', 9, 'time', 's'),
 'cpu_time': ('CPU time', 9, 'time', 's'),
 'cpu': ('Mean CPU', None, 'percent', '%'),
 'peak_memory': ('Peak memory', 0, 'binary', 'B'),
 'peak_pss': ('Peak PSS', 0, 'binary', 'B'),
 'read': ('Read', 0, 'binary', 'B'),
 'written': ('Written', 0, 'binary', 'B'),
 'page_faults': ('Page faults', 0, 'number', ''),
 'context_switches': ('Context switches', 0, 'number', ''),
 'processes': ('Most processes', 0, 'number', ''),
 'threads': ('Most threads', 0, 'number', '')}
