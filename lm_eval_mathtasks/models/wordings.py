"""In which words servers say what is wrong. `faults.classify` says in which order they are looked for."""

import re

QUOTA = {"insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "insufficient_balance",
         "insufficient_credits", "credit_balance_too_low", "account_deactivated", "Arrearage",
         "exceeded_current_quota_error", "budget_exceeded", "SetLimitExceeded"}  # fmt: skip
_LONG = (
    r"(?:\b(?:daily|weekly|monthly|spend(?:ing)?|trial quota|usage limits?(?!.{0,40}(?:second|minute)))"
    r"|(?:\b(?:per|for the) |/ ?)(?:day|week|month))\b"
)
_PASSED = r"(?:reach(?:ed|ing)|exceed(?:ed|ing)|exhausted|hit|used up|limited to|too many)"
# A limit of a day or longer is one too, unless a time is told at which to go on.
QUOTA_WORDS = re.compile(
    r"exceeded your current quota|insufficient (?:account )?(?:balance|credits?|funds|quota)|credit balance is too low"
    r"|(?:credits?|balance|free tier.{0,40}) (?:(?:is|are|has been|have been) )?"
    r"(?:exhausted|depleted|used up|insufficient)"
    r"|余额不足|欠费|额度已?(?:用完|用尽|耗尽|不足)"
    r"|budget has been exceeded|call volume quota|have any credits|\boverdue\b|account\b.{0,80} suspended"
    rf"|{_PASSED}.{{0,80}}{_LONG}|{_LONG}.{{0,40}}{_PASSED}",
    re.I,
)
LIMITED = re.compile(
    r"rate[_ -]?limit|qps request limit|too many requests|too many .{0,30}please wait|throttl|capacity_exceeded"
    r"|速率限制|请求频率|限流",
    re.I,
)
KEY_WORDS = re.compile(
    r"(?:invalid|incorrect|expired)[_ ]api[_ ]key|(?:api key|access token) (?:is |has )?(?:not valid|invalid|expired)"
    r"|login fail",
    re.I,
)
CONTEXT = re.compile(
    r"context[_ ](?:length|window|size|limit|shift)|too many tokens|(?:prompt|input) is too long|reduce the length"
    r"|maximum number of tokens|(?:input length|max_new_tokens.?) (?:should|must) be|exceeds model limit",
    re.I,
)
# What is in the group stands for a filter with any status, the rest where it is said of what was asked.
FILTER = re.compile(
    r"(content[_ ]?(?:filter|policy|management)|data_inspection|new_sensitive|prohibited_content|content exists risk)"
    r"|moderation|flagged|safety|敏感",
    re.I,
)
DENIED = re.compile(
    r"unsupported_country|(?:country|region|location)\b.{0,40} is not supported|must be verified to use the model",
    re.I,
)
TOO_LARGE = re.compile(r"request too large|input or output tokens must be reduced", re.I)
# In codes, then in sentences: one about a parameter ("not supported with this model") is none of them.
NO_MODEL = re.compile(
    r"model_(?:not_(?:found|available|supported)|decommissioned)|invalid_model|not_found_error|deployment_?not_?found"
    r"|\b(?:model|deployment)s?\b.{0,80}(?:\bnot (?:exist|found)|n't exist|decommissioned|identifier is invalid"
    r"|on-demand throughput|not supported by any)|endpoint .{0,80}is not running|not a valid model"
    r"|(?:unknown|unsupported|invalid|no such|unexpected|non-serverless|failed to load|available channel for) model\b"
    r"|could not (?:find|resolve) .{0,30}model|\bno model(?:s loaded| with| by| named)|requested model is not supported"
    r"|not work with the specified model"
    r"|no endpoints found|无可用渠道|模型不存在|不支持的?模型|无效的?模型",
    re.I,
)
UNSUPPORTED = re.compile(
    r"unsupported|unrecognized|unknown_parameter|unknown name|(?:not|cannot both) be (?:used|set|specified)"
    r"|not (?:permitted|supported|allowed)|may only be|unexpected|extra",
    re.I,
)
OVERLOAD = re.compile(r"overloaded|concurren|too many (?:simultaneous|parallel)|at capacity|is busy", re.I)
# "Unrecognized request argument supplied: x", "Unsupported parameter: 'x'", "Unknown parameter: 'x'"
NAMED = re.compile(
    r"(?:arguments? supplied|parameter|value|param)s?:? *['\"`]?([a-z_]+(?:\.[a-z_]+)*)['\"`]?", re.I
)
