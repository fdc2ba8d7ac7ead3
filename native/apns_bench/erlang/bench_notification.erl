%% @doc Whom and what benchmarks push: different from push to push, and the same in each run.
-module(bench_notification).

-export([tokens/1, json/2, map/2]).

-define(TOKEN_BYTES, 32).

%% So many device tokens, as hex digits: random, since Huffman's code is not equally long for all.
-spec tokens(Count :: pos_integer()) -> tuple().
tokens(Count) ->
    {Bytes, _Random} = rand:bytes_s(Count * ?TOKEN_BYTES, rand:seed_s(exsss, 1)),
    list_to_tuple([binary:encode_hex(Token) || <<Token:?TOKEN_BYTES/bytes>> <= Bytes]).

%% Finished JSON of so many bytes.
-spec json(Number :: non_neg_integer(), Bytes :: pos_integer()) -> binary().
json(Number, Bytes) ->
    Json = encode(map(Number, Bytes)),
    Bytes = byte_size(Json),
    Json.

%% A notification as a chat server makes them; as JSON it has so many bytes.
-spec map(Number :: non_neg_integer(), Bytes :: pos_integer()) -> apns_nif:notification().
map(Number, Bytes) ->
    Sender = iolist_to_binary(io_lib:format("Alice ~6..0b", [Number])),
    Empty = #{
        title => Sender,
        body => <<>>,
        sound => <<"default">>,
        badge => 7,
        thread_id => <<"5d41402abc4b2a76b9719d911017c592">>,
        mutable_content => true
    },
    Empty#{body := binary:copy(<<"x">>, Bytes - byte_size(encode(Empty)))}.

encode(#{title := Title, body := Body, sound := Sound, badge := Badge, thread_id := Thread}) ->
    iolist_to_binary([
        "{\"aps\":{\"alert\":{\"title\":\"", Title, "\",\"body\":\"", Body, "\"},\"badge\":",
        integer_to_list(Badge), ",\"sound\":\"", Sound, "\",\"thread-id\":\"", Thread,
        "\",\"mutable-content\":1}}"
    ]).
