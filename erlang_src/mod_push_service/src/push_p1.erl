%% ejabberd Business Edition's <push xmlns='p1:push'>, which the apps of its customers send, as the
%% fields of our own form, and its <disable/>. Pure. What has no counterpart here (keepalive and
%% duration of sessions, presence while detached) is not read.
-module(push_p1).

-export([fields/1, disabled/1]).

-include("xmpp.hrl").

%% Where <offline/> is false, the app wants pushes for as long as its session may come back, and
%% none once it has logged out.
-spec fields(#xmlel{}) -> {ok, push_form:fields()} | {error, push_form:form_error()}.
fields(#xmlel{name = <<"push">>} = Push) ->
    case fxml:get_subtag(Push, <<"notification">>) of
        #xmlel{} = Notification ->
            notification(text(Notification, <<"type">>), text(Notification, <<"id">>), Push);
        false ->
            no_token()
    end.

%% What is to go: the device of a token, or those of the session, which older clients mean; they
%% send it at each login that is to have no pushes, too.
-spec disabled(#xmlel{}) ->
    session | {token, Hex :: binary()} | {error, push_form:form_error()}.
disabled(#xmlel{name = <<"disable">>} = Disable) ->
    case fxml:get_subtag(Disable, <<"notification">>) of
        #xmlel{} = Notification -> disabled(text(Notification, <<"type">>), Notification);
        false -> session
    end.

disabled(<<"applepush">>, Notification) ->
    case push_form:token(text(Notification, <<"id">>)) of
        {ok, Token} -> {token, Token};
        error -> {error, {not_acceptable, <<"<id/> in <notification/> is no device token">>}}
    end;
disabled(_Type, _Notification) ->
    no_apple().

no_token() ->
    {error, {bad_request, <<"The device token is missing: give it as <id/> in <notification/>">>}}.

notification(<<"applepush">>, <<>>, _Push) ->
    no_token();
notification(<<"applepush">>, Token, Push) ->
    {ok, maps:filtermap(fun(_, <<>>) -> false; (_, Value) -> {true, [Value]} end, #{
        <<"token">> => Token,
        <<"app">> => text(Push, <<"appid">>),
        <<"environment">> => environment(fxml:get_tag_attr_s(<<"apns-sandbox">>, Push)),
        <<"content">> => content(fxml:get_subtag(Push, <<"body">>)),
        <<"remove_on_logout">> => remove_on_logout(text(Push, <<"offline">>))})};
notification(_Type, _Token, _Push) ->
    no_apple().

no_apple() ->
    {error, {not_acceptable, <<"Only notifications of type applepush can be sent here">>}}.

environment(<<"true">>) -> <<"sandbox">>;
environment(<<"1">>) -> <<"sandbox">>;
environment(_) -> <<"production">>.

%% Which messages of several show their text is the server's own matter here; none of them, or all.
%% A text without its sender is no level of ours: who hides the sender hides the text.
content(false) ->
    <<>>;
content(Body) ->
    case {fxml:get_tag_attr_s(<<"send">>, Body), fxml:get_tag_attr_s(<<"from">>, Body)} of
        {_, <<"none">>} -> <<"none">>;
        {<<"none">>, <<>>} -> <<"none">>;
        {<<"none">>, _} -> <<"sender">>;
        {<<>>, _} -> <<>>;
        {_, _} -> <<"body">>
    end.

remove_on_logout(<<"false">>) -> <<"true">>;
remove_on_logout(<<"0">>) -> <<"true">>;
remove_on_logout(_) -> <<>>.

text(El, Name) ->
    string:trim(fxml:get_path_s(El, [{elem, Name}, cdata])).
