"""What the templates of the operator's pages need besides Django's own; the words are in operators/status/words.py."""

from django import template

from signalling.operators.software import in_short
from signalling.operators.status import words

register = template.Library()

register.filter("ago", words.ago)
register.filter("lasting", words.lasting)
register.filter("exactly", words.exactly)
register.filter("percent", words.percent)
register.filter("shortened_peer", words.shortened_peer)
register.filter("shortened_address", words.shortened_address)
register.filter("path_of", words.path_of)
register.filter("words", words.as_words)
register.filter("outcome", words.outcome)
register.filter("transport", words.transport)
register.filter("named", words.named)
register.filter("in_short", in_short)
