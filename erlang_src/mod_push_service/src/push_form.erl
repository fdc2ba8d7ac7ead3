%% What a client's data form says about a device, whatever dialect it was written for. Pure:
%% fields in, a registration or a sentence for the client out. Sentences never repeat what the
%% client sent.
%%
%% Field names are read without regard to case, and `-' as `_'. docs/clients.md has the table of
%% fields.
-module(push_form).

-export([fields/1, fields_of/1, registration/3, registrations/3, token/1, choose_app/2, wanted/1,
         says_nothing/1]).

-export_type([fields/0, registration/0, form_error/0]).

-include("xmpp.hrl").

-type fields() :: #{binary() => [binary()]}.
-type registration() :: #{
    app := binary(),
    token := binary(),                  %% lower-case hex
    kind := alert | voip,
    device_id := binary(),
    name := binary(),
    content := push_content:level(),
    language := binary(),
    remove_on_logout := boolean()
}.
-type form_error() :: {bad_request | item_not_found | not_acceptable, Sentence :: binary()}.

%% A name's or an id's bytes: long enough for anything real, short enough for a database row.
-define(MAX_ID, 128).
-define(MAX_LANGUAGE, 35).
%% Bytes of a device token.
-define(MAX_TOKEN, 100).
-define(MAX_TOKEN_TEXT, 2 * ?MAX_TOKEN).
%% Apple's are no shorter, and any word of eight letters is base64.
-define(MIN_BASE64, 32).

-spec fields(#xdata{} | undefined) -> fields().
fields(undefined) ->
    #{};
fields(#xdata{fields = Fields}) ->
    %% A field given twice counts as one with both values: whoever reads it decides.
    lists:foldl(fun(#xdata_field{var = Var, values = Values}, Acc) ->
        maps:update_with(normal(Var), fun(V) -> V ++ Values end, Values, Acc)
    end, #{}, Fields).

normal(Var) ->
    << <<(normal_char(C))>> || <<C>> <= Var >>.

normal_char($-) -> $_;
normal_char(C) when C >= $A, C =< $Z -> C + 32;
normal_char(C) -> C.

%% Node: the node of <enable/>, or <<>>; it is the token where no field is.
-spec registration(fields(), Node :: binary(), Apps :: #{binary() => map()}) ->
    {ok, registration()} | {error, form_error()}.
registration(Fields, Node, Apps) ->
    try
        %% Clients of MongooseIM name it. Another one's token is none of Apple's.
        apns = choice(Fields, <<"service">>, #{<<"apns">> => apns}, apns),
        {ok, #{app => app(Fields, Apps),
               token => device_token(Fields, Node),
               kind => kind(Fields),
               device_id => id(Fields, device_id_field(Fields)),
               name => id(Fields, <<"device_name">>),
               content => content(Fields),
               language => language(Fields),
               remove_on_logout => boolean(Fields, <<"remove_on_logout">>, false)}}
    catch
        throw:{Kind, Sentence} -> {error, {Kind, Sentence}}
    end.

%% A phone may tell both of its tokens at once: then two registrations, the alert one first.
-spec registrations(fields(), Node :: binary(), Apps :: #{binary() => map()}) ->
    {ok, [registration(), ...]} | {error, form_error()}.
registrations(Fields, Node, Apps) ->
    case {registration(Fields, Node, Apps), second_token(Fields)} of
        {{error, _} = Error, _} -> Error;
        {_, {error, _} = Error} -> Error;
        {{ok, Registration}, none} -> {ok, [Registration]};
        {{ok, #{kind := voip}}, {ok, _}} ->
            {error, {not_acceptable, <<"Field 'voip_token' goes with an alert token: of kind voip "
                                       "is the token itself">>}};
        {{ok, #{token := Token}}, {ok, Token}} ->
            {error, {not_acceptable, <<"Field 'voip_token' repeats the device token: PushKit "
                                       "gives another one">>}};
        {{ok, Registration}, {ok, Voip}} ->
            {ok, [Registration, Registration#{kind := voip, token := Voip}]}
    end.

second_token(Fields) ->
    try text(Fields, <<"voip_token">>, ?MAX_TOKEN_TEXT) of
        <<>> ->
            none;
        Text ->
            case token(Text) of
                {ok, Hex} -> {ok, Hex};
                error -> {error, {not_acceptable, <<"Field 'voip_token' is no device token: 1 to "
                                                    "100 bytes in hex, or 32 to 100 in base64">>}}
            end
    catch
        throw:{Kind, Sentence} -> {error, {Kind, Sentence}}
    end.

%% MongooseIM's clients say service=apns and give the token as device_id.
device_id_field(#{<<"service">> := _, <<"token">> := _}) -> <<"device_id">>;
device_id_field(#{<<"service">> := _}) -> <<"android_id">>;
device_id_field(_) -> <<"device_id">>.

device_token(Fields, Node) ->
    Given = case Fields of
        #{<<"token">> := _} -> text(Fields, <<"token">>, ?MAX_TOKEN_TEXT);
        #{<<"device_token">> := _} -> text(Fields, <<"device_token">>, ?MAX_TOKEN_TEXT);
        #{<<"service">> := _, <<"device_id">> := _} ->
            text(Fields, <<"device_id">>, ?MAX_TOKEN_TEXT);
        _ -> Node
    end,
    case token(Given) of
        {ok, Hex} -> Hex;
        error when Given =:= <<>> ->
            throw({bad_request, <<"The device token is missing: "
                                  "give it as field 'token', or as node">>});
        error ->
            throw({not_acceptable, <<"This is no device token: "
                                     "1 to 100 bytes in hex, or 32 to 100 in base64">>})
    end.

%% Hex in either case, also as iOS printed it once (<00fc13ad ff785122>), else base64. 64 hex
%% digits are valid base64 too; no app sends that. Nor may hex with a typing error pass for base64,
%% which has hex digits for a third of its characters.
-spec token(binary()) -> {ok, Hex :: binary()} | error.
token(Given) when byte_size(Given) > 2 * ?MAX_TOKEN_TEXT ->
    error;
token(Given) ->
    Text = << <<C>> || <<C>> <= Given, C =/= $\s, C =/= $<, C =/= $> >>,
    Digits = length([C || <<C>> <= Text, is_hex_digit(C)]),
    case byte_size(Text) of
        0 -> error;
        Size when Size > ?MAX_TOKEN_TEXT -> error;
        Digits when Digits rem 2 =:= 0 -> {ok, string:lowercase(Text)};
        Size when 4 * Digits > 3 * Size -> error;
        _ -> from_base64(Text)
    end.

is_hex_digit(C) ->
    (C >= $0 andalso C =< $9) orelse (C >= $a andalso C =< $f) orelse (C >= $A andalso C =< $F).

from_base64(Text) ->
    try base64:decode(Text) of
        Raw when byte_size(Raw) >= ?MIN_BASE64, byte_size(Raw) =< ?MAX_TOKEN ->
            {ok, string:lowercase(binary:encode_hex(Raw))};
        _ ->
            error
    catch
        error:_ -> error
    end.

%% RFC 5646
language(Fields) ->
    Tag = text(Fields, <<"language">>, ?MAX_LANGUAGE),
    case re:run(Tag, <<"^([A-Za-z0-9]+(-[A-Za-z0-9]+)*)?$">>, [{capture, none}, dollar_endonly]) of
        match -> Tag;
        nomatch -> throw({not_acceptable, <<"Field 'language' takes a language tag, as de or "
                                            "pt-BR">>})
    end.

app(Fields, Apps) ->
    case choose_app(Fields, Apps) of
        {ok, App} -> App;
        {error, Sentence} -> throw({item_not_found, Sentence})
    end.

%% An app by its name, or by what tells it apart; none said, there must be only one.
-spec choose_app(fields(), #{binary() => map()}) -> {ok, binary()} | {error, Sentence :: binary()}.
choose_app(Fields, Apps) ->
    Given = [text(Fields, Field, ?MAX_ID) || Field <- [<<"app">>, <<"appid">>, <<"backend_ref">>],
                                             is_map_key(Field, Fields)],
    ByName = Given ++ push_module(Fields, Apps),
    Named = [Name || Name <- ByName, is_map_key(Name, Apps)],
    Candidates = case {ByName, Named} of
        {[], _} -> maps:keys(Apps);
        {_, [Name | _]} -> [Name];
        %% Clients know their topic; the name is the operator's.
        {[Topic | _], []} -> [Name || Name <- maps:keys(Apps), topic(Name, Apps) =:= Topic]
    end,
    Topics = case Fields of
        #{<<"topic">> := _} -> [text(Fields, <<"topic">>, ?MAX_ID)];
        _ -> []
    end,
    Environments = environments(Fields),
    OfTopic = [Name || Name <- Candidates,
                       Topics =:= [] orelse lists:member(topic(Name, Apps), Topics)],
    Matching = [Name || Name <- OfTopic, is_for(Name, Apps, Environments)],
    case {Matching, OfTopic} of
        {[App], _} ->
            {ok, App};
        {[], []} ->
            {error, <<"No such app here; field 'app' takes one of: ",
                      (names(maps:keys(Apps)))/binary>>};
        {[], [_ | _]} ->
            {error, <<"The app is not for the environment that the form says; here are ",
                      (names([for(Name, Apps) || Name <- OfTopic]))/binary>>};
        {Several, _} ->
            {error, <<"Say which app: field 'app' takes one of: ", (names(Several))/binary>>}
    end.

%% Monal says which of its vendor's builds it is: who builds it anew may name an app so.
push_module(#{<<"pushmodule">> := [Name]}, Apps) when is_map_key(Name, Apps) -> [Name];
push_module(_Fields, _Apps) -> [].

is_for(_Name, _Apps, []) ->
    true;
is_for(Name, Apps, Environments) ->
    Environment = environment(Name, Apps),
    Environment =:= any orelse lists:member(Environment, Environments).

for(Name, Apps) ->
    <<Name/binary, " for ", (atom_to_binary(environment(Name, Apps)))/binary>>.

topic(Name, Apps) ->
    maps:get(topic, maps:get(Name, Apps), Name).

%% By a URL Apple's own hosts can be meant (port 2197), or a simulator or proxy, where tokens of
%% either may be good.
environment(Name, Apps) ->
    case maps:get(environment, maps:get(Name, Apps), production) of
        Word when is_atom(Word) -> Word;
        URL ->
            case uri_string:parse(URL) of
                #{host := <<"api.push.apple.com">>} -> production;
                #{host := <<"api.sandbox.push.apple.com">>} -> sandbox;
                #{host := <<"api.development.push.apple.com">>} -> sandbox;
                _ -> any
            end
    end.

environments(Fields) ->
    Words = #{<<"production">> => production, <<"prod">> => production,
              <<"sandbox">> => sandbox, <<"development">> => sandbox, <<"dev">> => sandbox},
    Said = [choice(Fields, Field, Words, production) || Field <- [<<"environment">>, <<"mode">>],
                                                        is_map_key(Field, Fields)],
    lists:usort(Said).

names(Names) ->
    iolist_to_binary(lists:join(<<", ">>, lists:sort(Names))).

kind(Fields) ->
    choice(Fields, <<"kind">>, #{<<"alert">> => alert, <<"voip">> => voip}, alert).

%% Without a wish the vhost's level applies: the stricter of both does.
content(Fields) ->
    choice(Fields, <<"content">>,
           #{<<"none">> => none, <<"sender">> => sender, <<"body">> => body}, body).

choice(Fields, Field, Words, Default) ->
    case text(Fields, Field, ?MAX_ID) of
        <<>> ->
            Default;
        Word ->
            case Words of
                #{Word := Value} -> Value;
                _ -> throw({not_acceptable, <<"Field '", Field/binary, "' takes one of: ",
                                              (names(maps:keys(Words)))/binary>>})
            end
    end.

boolean(Fields, Field, Default) ->
    choice(Fields, Field, #{<<"true">> => true, <<"1">> => true,
                            <<"false">> => false, <<"0">> => false}, Default).

id(Fields, Field) ->
    text(Fields, Field, ?MAX_ID).

text(Fields, Field, Max) ->
    case maps:get(Field, Fields, []) of
        [] -> <<>>;
        [Text] when byte_size(Text) =< Max -> string:trim(Text);
        [_] -> throw({not_acceptable, <<"Field '", Field/binary, "' is too long: at most ",
                                        (integer_to_binary(Max))/binary, " bytes">>});
        _ -> throw({bad_request, <<"Field '", Field/binary, "' has more than one value">>})
    end.

%% What the form of a registered device would say.
-spec fields_of(push_devices:device()) -> fields().
fields_of(#{app := App, token := Token, kind := Kind, device_id := Id, name := Name,
            content := Content, language := Language, remove_on_logout := RemoveOnLogout}) ->
    #{<<"app">> => [App], <<"token">> => [Token], <<"kind">> => [atom_to_binary(Kind)],
      <<"device_id">> => [Id], <<"device_name">> => [Name],
      <<"content">> => [atom_to_binary(Content)], <<"language">> => [Language],
      <<"remove_on_logout">> => [atom_to_binary(RemoveOnLogout)]}.

%% Whether a form has no field with a value, but for what says which form it is.
-spec says_nothing(fields()) -> boolean().
says_nothing(Fields) ->
    Said = maps:filter(fun(_, Values) -> [V || V <- Values, V =/= <<>>] =/= [] end, Fields),
    maps:size(maps:remove(<<"form_type">>, Said)) =:= 0.

%% Which devices an unregistration means: by node, token or device id; [] says this session's.
-spec wanted(fields()) -> [{node | token | device_id, binary()}].
wanted(Fields) ->
    Values = fun(Kind, Names) ->
        [{Kind, Value} || Name <- Names, Value <- maps:get(Name, Fields, []), Value =/= <<>>]
    end,
    Tokens = [{token, Hex} || {token, Text} <- Values(token, [<<"token">>, <<"device_token">>]),
                              {ok, Hex} <- [token(Text)]],
    Values(node, [<<"node">>, <<"nodes">>]) ++ Tokens ++ Values(device_id, [<<"device_id">>]).
