%% A device as a line of JSON in a file, and back; the file's first line, which tells what it is.
%% Pure. Sentences tell what is wrong with a line, and repeat nothing of it: it may be anything.
%%
%% What a device always has, stands under names of its own and is checked as a registration is.
%% So are last_used, last_error and user_agent, which not every device has. All else that another
%% version may know of a device is kept as it is: what JSON has no
%% form for is told by a word, as in {"tuple": [410, "Unregistered"]}.
-module(push_device_line).

-export([header/1, read_header/2, device/1, read/4]).

-export_type([header/0, names/0, sentence/0]).

-type header() :: #{
    host := binary(),
    count := non_neg_integer(),     %% devices that follow
    mac_key := binary() | none      %% see push_settings:mac_key/1; none: it was taken out
}.
%% Fields of other versions that were met: each is an atom, of which there can be so many only.
-type names() :: #{binary() => true}.
-type sentence() :: binary().

-define(FORMAT, <<"mod_push_service devices">>).
-define(VERSION, 1).
%% Digits of the header's count: it is written anew in place when all devices are.
-define(COUNT_WIDTH, 12).
%% Bytes of a text; what clients may register is shorter.
-define(MAX_TEXT, 1024).
%% Of the name of an app, as the option takes it.
-define(MAX_APP, 100).
-define(MAX_NAMES, 64).
-define(NAME, "^[a-z][a-z0-9_]{0,31}$").
-define(KEY_BYTES, 32).
%% Milliseconds that another machine's clock may be ahead.
-define(AHEAD, 3600 * 1000).

%% Texts, and what they are where they are left out.
-define(TEXTS, [device_id, node, name, resource, language]).
-define(OWN, [<<"user">>, <<"app">>, <<"token">>, <<"kind">>, <<"content">>,
              <<"remove_on_logout">>, <<"registered_at">>
              | [atom_to_binary(Text) || Text <- ?TEXTS]]).

%%% The first line

%% As long as any other of the same host.
-spec header(#{host := binary(), count := non_neg_integer(), mac_key := binary()}) -> binary().
header(#{host := Host, count := Count, mac_key := Key}) ->
    Padded = string:pad(integer_to_binary(Count), ?COUNT_WIDTH, leading, $\s),
    iolist_to_binary(["{\"format\":", encode(?FORMAT),
                      ",\"version\":", integer_to_binary(?VERSION),
                      ",\"host\":", encode(Host),
                      ",\"mac_key\":", encode(binary:encode_hex(Key)),
                      ",\"count\":", Padded, "}"]).

%% Of a file for the vhost.
-spec read_header(binary(), Host :: binary()) -> {ok, header()} | {error, sentence()}.
read_header(Line, Host) ->
    case decode(Line) of
        {ok, #{<<"format">> := ?FORMAT, <<"version">> := ?VERSION, <<"host">> := Host,
               <<"count">> := Count} = Header} when is_integer(Count), Count >= 0 ->
            case mac_key(Header) of
                error -> {error, <<"mac_key is none: 64 digits of hex">>};
                Key -> {ok, #{host => Host, count => Count, mac_key => Key}}
            end;
        {ok, #{<<"format">> := ?FORMAT, <<"version">> := ?VERSION, <<"host">> := Other}}
          when Other =/= Host ->
            {error, <<"the file is of another vhost: its users are others, even of the same name. "
                      "If that is meant, write this one's name into the first line">>};
        {ok, #{<<"format">> := ?FORMAT, <<"version">> := Version}}
          when is_integer(Version), Version > ?VERSION ->
            {error, <<"the file is of a newer version of mod_push_service">>};
        _ ->
            {error, <<"this is no file that push_devices_export wrote">>}
    end.

mac_key(#{<<"mac_key">> := Hex}) when is_binary(Hex), byte_size(Hex) =:= 2 * ?KEY_BYTES ->
    try binary:decode_hex(Hex)
    catch
        error:badarg -> error
    end;
mac_key(#{<<"mac_key">> := _}) ->
    error;
mac_key(_) ->
    none.

%%% Devices

-spec device(push_devices:device()) -> binary().
device(#{us := {User, _}} = Device) ->
    Fields = maps:fold(fun(Field, Value, Json) -> Json#{atom_to_binary(Field) => json(Value)} end,
                       #{<<"user">> => User}, own(maps:remove(us, Device))),
    encode(Fields).

%% These are words of a closed list; another atom is told to be one.
own(#{kind := Kind, content := Content} = Device) ->
    Device#{kind := atom_to_binary(Kind), content := atom_to_binary(Content)}.

json(Value) when is_integer(Value); is_float(Value); is_boolean(Value) ->
    Value;
json(Value) when is_binary(Value) ->
    case unicode:characters_to_binary(Value) of
        Value -> Value;
        _ -> #{<<"hex">> => binary:encode_hex(Value)}
    end;
json(Value) when is_atom(Value) ->
    #{<<"atom">> => atom_to_binary(Value)};
json(Value) when is_list(Value) ->
    [json(Element) || Element <- Value];
json(Value) when is_tuple(Value) ->
    #{<<"tuple">> => json(tuple_to_list(Value))};
json(Value) when is_map(Value) ->
    #{<<"map">> => [[json(K), json(V)] || {K, V} <- maps:to_list(Value)]}.

%% The device of a user of the vhost. Now: Unix ms.
-spec read(binary(), Host :: binary(), Now :: non_neg_integer(), names()) ->
    {ok, push_devices:device(), names()} | {error, sentence()}.
read(Line, Host, Now, Names) ->
    try
        case decode(Line) of
            {ok, #{} = Fields} ->
                {Others, Names1} = others(maps:without(?OWN, Fields), Names),
                ok = noted(Others, Now),
                {ok, maps:merge(Others, known(Fields, Host, Now)), Names1};
            _ ->
                {error, <<"no JSON object">>}
        end
    catch
        throw:{wrong, Sentence} -> {error, Sentence}
    end.

known(Fields, Host, Now) ->
    Texts = maps:from_list([{Text, text(Fields, atom_to_binary(Text))} || Text <- ?TEXTS]),
    Texts#{us => {user(Fields), Host},
           app => app(Fields),
           token => token(Fields),
           kind => word(Fields, <<"kind">>, [alert, voip]),
           content => word(Fields, <<"content">>, [none, sender, body]),
           remove_on_logout => boolean(Fields, <<"remove_on_logout">>),
           registered_at => time(Fields, <<"registered_at">>, Now)}.

user(#{<<"user">> := User}) when is_binary(User), byte_size(User) =< ?MAX_TEXT ->
    case jid:nodeprep(User) of
        User when User =/= <<>> -> User;
        _ -> wrong(<<"user is no name of an account: the part before the @, in its normal form">>)
    end;
user(_) ->
    wrong(<<"there is no user">>).

app(Fields) ->
    case text(Fields, <<"app">>) of
        <<>> -> wrong(<<"there is no app">>);
        App when byte_size(App) =< ?MAX_APP -> App;
        _ -> wrong(<<"app is no name of one: too long">>)
    end.

token(#{<<"token">> := Text}) when is_binary(Text) ->
    case push_form:token(Text) of
        {ok, Hex} -> Hex;
        error -> wrong(<<"token is no device token in hex">>)
    end;
token(_) ->
    wrong(<<"there is no token">>).

text(Fields, Name) ->
    case Fields of
        #{Name := Text} when is_binary(Text), byte_size(Text) =< ?MAX_TEXT ->
            %% Which no client can send, and PostgreSQL does not take.
            case binary:match(Text, <<0>>) =:= nomatch
                andalso unicode:characters_to_binary(Text) of
                Text -> Text;
                _ -> wrong(<<Name/binary, " is not in UTF-8, or has a NUL">>)
            end;
        #{Name := #{<<"hex">> := _} = Value} -> plain(Value);
        #{Name := _} -> wrong(<<Name/binary, " is no text, or too long">>);
        _ -> <<>>
    end.

%% The first is the one where nothing is said.
word(Fields, Name, [Default | _] = Words) ->
    case Fields of
        #{Name := Text} ->
            case [Word || Word <- Words, atom_to_binary(Word) =:= Text] of
                [Word] ->
                    Word;
                [] ->
                    List = lists:join(", ", [atom_to_list(Word) || Word <- Words]),
                    wrong(iolist_to_binary([Name, " is none of ", List]))
            end;
        _ ->
            Default
    end.

boolean(Fields, Name) ->
    case maps:get(Name, Fields, false) of
        Value when is_boolean(Value) -> Value;
        _ -> wrong(<<Name/binary, " is neither true nor false">>)
    end.

%% What Apple says of a token counts for registrations before it: one of the future would stay for
%% ever.
time(Fields, Name, Now) ->
    case Fields of
        #{Name := Time} when is_integer(Time), Time >= 0, Time =< Now + ?AHEAD -> Time;
        #{Name := Time} when is_integer(Time), Time > Now -> wrong(<<Name/binary, " is to come">>);
        _ -> wrong(<<Name/binary, " is no time in milliseconds since 1970">>)
    end.

%% What a device may have besides, and what the code computes with.
noted(Others, Now) ->
    maps:foreach(fun
        (last_used, Time) -> time(#{<<"last_used">> => Time}, <<"last_used">>, Now);
        (last_error, {At, Reason}) when is_integer(At), At >= 0, At =< Now + ?AHEAD,
                                        is_binary(Reason), byte_size(Reason) =< ?MAX_TEXT -> ok;
        (last_error, _) -> wrong(<<"last_error is no pair of a time that was and a reason">>);
        (user_agent, Name) when is_binary(Name), byte_size(Name) =< ?MAX_TEXT -> ok;
        (user_agent, _) -> wrong(<<"user_agent is no text, or too long">>);
        (_, _) -> ok
    end, Others).

others(Fields, Names) ->
    maps:fold(fun(Name, Value, {Others, Met}) ->
        Met1 = Met#{Name => true},
        case re:run(Name, ?NAME, [{capture, none}, dollar_endonly]) of
            match when map_size(Met1) =< ?MAX_NAMES ->
                {Others#{binary_to_atom(Name) => plain(Value)}, Met1};
            match ->
                wrong(<<"too many fields of other versions">>);
            nomatch ->
                wrong(<<"a field's name is none: small letters, digits and _">>)
        end
    end, {#{}, Names}, maps:remove(<<"us">>, Fields)).

plain(Value) when is_integer(Value); is_float(Value); is_boolean(Value); is_binary(Value) ->
    Value;
plain(Value) when is_list(Value) ->
    [plain(Element) || Element <- Value];
plain(#{<<"hex">> := Hex} = Value) when map_size(Value) =:= 1, is_binary(Hex) ->
    try binary:decode_hex(Hex)
    catch
        error:badarg -> wrong_value()
    end;
plain(#{<<"atom">> := Name} = Value) when map_size(Value) =:= 1, is_binary(Name) ->
    try binary_to_existing_atom(Name)
    catch
        error:_ -> wrong(<<"a field has a word that this version does not know">>)
    end;
plain(#{<<"tuple">> := Elements} = Value) when map_size(Value) =:= 1, is_list(Elements) ->
    list_to_tuple(plain(Elements));
plain(#{<<"map">> := Pairs} = Value) when map_size(Value) =:= 1, is_list(Pairs) ->
    maps:from_list([case Pair of
                        [K, V] -> {plain(K), plain(V)};
                        _ -> wrong_value()
                    end || Pair <- Pairs]);
plain(_) ->
    wrong_value().

-spec wrong_value() -> no_return().
wrong_value() ->
    wrong(<<"a field has a value of no form that we know">>).

-spec wrong(sentence()) -> no_return().
wrong(Sentence) ->
    throw({wrong, Sentence}).

%%% JSON: OTP's own from 27 on; where ejabberd runs on an older one, it brings jiffy.

encode(Term) ->
    case has_json() of
        true -> iolist_to_binary(apply(json, encode, [Term]));
        false -> iolist_to_binary(apply(jiffy, encode, [Term]))
    end.

decode(Line) ->
    try
        case has_json() of
            true -> {ok, apply(json, decode, [Line])};
            false -> {ok, apply(jiffy, decode, [Line, [return_maps]])}
        end
    catch
        _:_ -> error
    end.

%% Not code:ensure_loaded/1, which searches all folders each time for what is not there.
has_json() ->
    list_to_integer(erlang:system_info(otp_release)) >= 27.
