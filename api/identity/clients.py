"""Where a request comes from, for what counts guesses and lists sessions."""

from api.addresses import counted_as
from api.dependencies import ApiRequest
from models.identity.values import Client


def client_of(request: ApiRequest) -> Client:
    address = request.scope["state"]["address"]
    return Client(address, counted_as(address), request.headers.get("user-agent"))
