"""From records to words, tables, pictures and one page; nothing here trains, measures or imports torch."""

from tangentlab.report.comparison import Comparison as Comparison
from tangentlab.report.comparison import Setting as Setting
from tangentlab.report.figures import draw_figures as draw_figures
from tangentlab.report.page import render_page as render_page
from tangentlab.report.page import write_report as write_report
from tangentlab.report.svg import save_figures as save_figures
from tangentlab.report.table import rows as rows
from tangentlab.report.table import summary_rows as summary_rows
from tangentlab.report.table import to_csv as to_csv
from tangentlab.report.verdict import Verdict as Verdict
from tangentlab.report.verdict import reach_verdict as reach_verdict
