%% Tigase's register-device and unregister-device, as Siskin and its kin send them. Pure. Their
%% forms name the token, and perhaps PushKit's token of the same phone, but no app: it is the one
%% that the configuration names for such clients.
-module(push_tigase).

-export([registrations/4, device/3]).

-define(PROVIDER, <<"tigase:messenger:apns:1">>).

%% A phone is one or two devices of one id, which is the node that the client is told.
-spec registrations(push_form:fields(), App :: binary(), Apps :: #{binary() => map()},
                    MacKey :: binary()) ->
    {ok, Node :: binary(), [push_form:registration(), ...]} | {error, push_form:form_error()}.
registrations(Fields, App, Apps, MacKey) ->
    case device(Fields, App, MacKey) of
        {ok, Node} -> kinds([{alert, <<"device_token">>}
                             | [{voip, <<"device_second_token">>}
                                || is_map_key(<<"device_second_token">>, Fields)]],
                            Fields, {App, Apps, Node}, []);
        Error -> Error
    end.

kinds([], _Fields, {_App, _Apps, Node}, Done) ->
    {ok, Node, lists:reverse(Done)};
kinds([{Kind, Field} | Kinds], Fields, {App, Apps, Node} = Of, Done) ->
    Form = #{<<"app">> => [App], <<"kind">> => [atom_to_binary(Kind)], <<"device_id">> => [Node],
             <<"token">> => maps:get(Field, Fields)},
    case push_form:registration(Form, <<>>, Apps) of
        {ok, Registration} -> kinds(Kinds, Fields, Of, [Registration | Done]);
        Error -> Error
    end.

%% The phone that the form means, by the name that both of its devices have.
-spec device(push_form:fields(), App :: binary(), MacKey :: binary()) ->
    {ok, Node :: binary()} | {error, push_form:form_error()}.
device(#{<<"provider">> := [Provider]}, _App, _MacKey) when Provider =/= ?PROVIDER ->
    {error, {not_acceptable, <<"The only provider here is ", ?PROVIDER/binary>>}};
device(#{<<"device_token">> := [Text]}, App, MacKey) ->
    case push_form:token(Text) of
        {ok, Token} ->
            {ok, push_devices:node(MacKey, #{app => App, token => Token})};
        error ->
            {error, {not_acceptable, <<"Field 'device-token' is no device token: "
                                       "1 to 100 bytes in hex, or 32 to 100 in base64">>}}
    end;
device(_Fields, _App, _MacKey) ->
    {error, {bad_request, <<"The device token is missing: give it as field 'device-token'">>}}.
