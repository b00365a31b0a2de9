"""From records to words, tables, pictures and one page; nothing here trains, measures or imports torch."""

from tangentlab.report.claims import CLAIMS as CLAIMS
from tangentlab.report.claims import Claim as Claim
from tangentlab.report.claims import Judgement as Judgement
from tangentlab.report.claims import judge as judge
from tangentlab.report.comparison import Comparison as Comparison
from tangentlab.report.comparison import Setting as Setting
from tangentlab.report.comparison_page import render_page as render_page
from tangentlab.report.comparison_page import write_report as write_report
from tangentlab.report.diagnosis_page import render_diagnosis_page as render_diagnosis_page
from tangentlab.report.figures import draw_figures as draw_figures
from tangentlab.report.prediction_page import render_prediction_page as render_prediction_page
from tangentlab.report.record_rows import rows as rows
from tangentlab.report.record_rows import to_csv as to_csv
from tangentlab.report.study_page import headline as headline
from tangentlab.report.study_page import render_study_page as render_study_page
from tangentlab.report.study_page import sentence as sentence
from tangentlab.report.study_page import study_judgements as study_judgements
from tangentlab.report.svg import save_figures as save_figures
from tangentlab.report.units_table import unit_rows as unit_rows
from tangentlab.report.units_table import units_csv as units_csv
from tangentlab.report.verdict import Verdict as Verdict
from tangentlab.report.verdict import reach_verdict as reach_verdict
