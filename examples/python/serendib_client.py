"""A client of a Serendib server, with grpcio and protobuf and nothing generated: the server says what its messages are.

with Serendib("127.0.0.1:7700") as shop:
    answer = shop.call("RecommendationService", "Recommend", {"customer_id": "c000001"})

For types and completion in an editor generate code from proto/ with grpcio-tools instead.
"""

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

REFLECTION = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"


def _reflection_messages():
    """Request and response of the reflection service: only the fields that are used here."""
    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="reflection.proto", package="reflection", syntax="proto3")

    def add(name, *fields):
        message = file.message_type.add(name=name)
        for name, number, kind, label, type_name in fields:
            message.field.add(name=name, number=number, type=kind, label=label, type_name=type_name)

    one, many = field.LABEL_OPTIONAL, field.LABEL_REPEATED
    add(
        "Request",
        ("file_by_filename", 3, field.TYPE_STRING, one, None),
        ("file_containing_symbol", 4, field.TYPE_STRING, one, None),
    )
    add("Files", ("file_descriptor_proto", 1, field.TYPE_BYTES, many, None))
    add("Response", ("file_descriptor_response", 4, field.TYPE_MESSAGE, one, ".reflection.Files"))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    names = ("reflection.Request", "reflection.Response")
    return [message_factory.GetMessageClass(pool.FindMessageTypeByName(name)) for name in names]


class Serendib:
    """A connection to a server, `host:port`."""

    def __init__(self, address, timeout=5):
        self.timeout = timeout
        self._channel = grpc.insecure_channel(address)
        self._pool = descriptor_pool.DescriptorPool()
        self._files = set()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._channel.close()

    def call(self, service, method, request=None):
        """The answer to `request`, a dict with the names of the fields in proto/."""
        kind, send, receive = self._method(service, method)
        return self._channel.unary_unary(kind, send, receive)(self._message(service, method, request), timeout=self.timeout)

    def stream(self, service, method, request=None):
        """The messages that a method with a stream of answers sends, one after another."""
        kind, send, receive = self._method(service, method)
        return self._channel.unary_stream(kind, send, receive)(self._message(service, method, request))

    def _method(self, service, method):
        descriptor = self._service(service).FindMethodByName(method)
        answer = message_factory.GetMessageClass(descriptor.output_type)
        return f"/serendib.v1.{service}/{method}", type(self._message(service, method)).SerializeToString, answer.FromString

    def _message(self, service, method, fields=None):
        descriptor = self._service(service).FindMethodByName(method)
        return json_format.ParseDict(fields or {}, message_factory.GetMessageClass(descriptor.input_type)())

    def _service(self, name):
        name = "serendib.v1." + name
        try:
            return self._pool.FindServiceByName(name)
        except KeyError:
            self._learn(file_containing_symbol=name)
            return self._pool.FindServiceByName(name)

    def _learn(self, **wanted):
        """Asks the server for a file of its contract, and for the files that it imports."""
        request, response = _reflection_messages()
        ask = self._channel.stream_stream(REFLECTION, request.SerializeToString, response.FromString)
        answer = next(ask(iter([request(**wanted)]), timeout=self.timeout))
        for serialized in answer.file_descriptor_response.file_descriptor_proto:
            file = descriptor_pb2.FileDescriptorProto.FromString(serialized)
            if file.name in self._files:
                continue
            self._files.add(file.name)
            for imported in file.dependency:
                if imported not in self._files:
                    self._learn(file_by_filename=imported)
            self._pool.Add(file)
