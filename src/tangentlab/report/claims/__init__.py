"""The papers' claims: each a statement, a statistic of records, a threshold fixed beforehand, and a verdict."""

from tangentlab.report.claims.catalogue import CLAIMS as CLAIMS
from tangentlab.report.claims.claim import Claim as Claim
from tangentlab.report.claims.claim import Statistic as Statistic
from tangentlab.report.claims.judge import Judgement as Judgement
from tangentlab.report.claims.judge import judge as judge
