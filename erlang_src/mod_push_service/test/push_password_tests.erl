%% Which requests and commands change an account's password, and which answers say that one did.
-module(push_password_tests).

-include_lib("eunit/include/eunit.hrl").
-include("xmpp.hrl").

asks_for_change_test_() ->
    Query = fun(Children) ->
        [#xmlel{name = <<"query">>, attrs = [{<<"xmlns">>, <<"jabber:iq:register">>}],
                children = [#xmlel{name = Name, children = [{xmlcdata, Text}]}
                            || {Name, Text} <- Children]}]
    end,
    Change = Query([{<<"username">>, <<"Bob">>}, {<<"password">>, <<"new">>}]),
    Server = jid(<<>>, <<>>),
    Rows =
        [{"to the server", true, set, Server, Change},
         {"to one's own account", true, set, jid(<<"bob">>, <<>>), Change},
         {"to nobody named", true, set, undefined, Change},
         {"decoded already", true, set, Server,
          [#register{username = <<"bob">>, password = <<"new">>}]},
         {"as a form", true, set, Server, [#register{xdata = form(<<"bob">>)}]},
         {"as a form, of another account", false, set, Server,
          [#register{xdata = form(<<"carol">>)}]},
         {"to a service elsewhere", false, set,
          #jid{server = <<"irc.h">>, lserver = <<"irc.h">>}, Change},
         {"to another account", false, set, jid(<<"carol">>, <<>>), Change},
         {"to a session", false, set, jid(<<"bob">>, <<"phone">>), Change},
         {"a new account's", false, set, Server,
          Query([{<<"username">>, <<"carol">>}, {<<"password">>, <<"new">>}])},
         {"an account's removal", false, set, Server, Query([{<<"remove">>, <<>>}])},
         {"no password", false, set, Server, Query([{<<"username">>, <<"bob">>}])},
         {"what there is to fill in", false, get, Server, Query([])},
         {"nothing", false, set, Server, []},
         {"something else", false, set, Server, [#xmlel{name = <<"query">>}]}],
    with_stringprep(
        [{Name, ?_assertEqual(Expected, push_password:asks_for_change(
                                          #iq{type = Type, id = <<"i">>, to = To, sub_els = Els,
                                              from = jid(<<"bob">>, <<"phone">>)}))}
         || {Name, Expected, Type, To, Els} <- Rows]).

commanded_test_() ->
    [?_assertEqual({ok, {<<"bob">>, <<"h">>}},
                   push_password:commanded(mod_admin_extra, set_password,
                                           [<<"bob">>, <<"h">>, <<"new">>])),
     ?_assertEqual({ok, {<<"bob">>, <<"h">>}},
                   push_password:commanded(mod_admin_extra, ban_account,
                                           [<<"bob">>, <<"h">>, <<"spam">>])),
     ?_assertEqual(none, push_password:commanded(mod_admin_extra, check_password,
                                                 [<<"bob">>, <<"h">>, <<"new">>])),
     ?_assertEqual(none, push_password:commanded(mod_admin_extra, set_password,
                                                 [{error, unicode}, <<"h">>, <<"new">>])),
     ?_assertEqual(none, push_password:commanded(ejabberd_admin, status, []))].

%% Only the answer of whom the request went to counts, and it counts once.
answers_test_() ->
    From = fun(Type, Jid) -> #iq{type = Type, id = <<"i">>, from = Jid} end,
    Asked = #{push_service_password => <<"i">>, jid => jid(<<"bob">>, <<"phone">>)},
    Rows =
        [{"the server's result", ended, From(result, jid(<<>>, <<>>))},
         {"the account's result", ended, From(result, jid(<<"bob">>, <<>>))},
         {"an error", refused, From(error, jid(<<>>, <<>>))},
         {"another request's", waits, (From(result, jid(<<>>, <<>>)))#iq{id = <<"j">>}},
         {"another session's", waits, From(result, jid(<<"bob">>, <<"pad">>))},
         {"another account's", waits, From(result, jid(<<"carol">>, <<>>))},
         {"another server's", waits,
          From(result, #jid{server = <<"x">>, lserver = <<"x">>})}],
    [{Name, {setup, fun setup/0, fun cleanup/1, fun() ->
         true = register(push_loader, self()),
         {IQ, State} = push_password:user_receive_packet({IQ, Asked}),
         Ended = receive {'$gen_cast', {logout, {<<"bob">>, <<"h">>}, password, untold, _}} -> true
                 after 0 -> false
                 end,
         true = unregister(push_loader),
         ?assertEqual({Expected =:= ended, Expected =:= waits},
                      {Ended, is_map_key(push_service_password, State)})
     end}} || {Name, Expected, IQ} <- Rows].

%% The vhost that stops has its settings still.
commands_are_watched_while_any_vhost_wants_it_test_() ->
    {setup, fun setup/0, fun cleanup/1, fun() ->
        ?assertNot(push_password:is_wanted_anywhere(<<"h">>, false)),
        ?assert(push_password:is_wanted_anywhere(<<"other">>, true)),
        ?assert(push_password:is_wanted_anywhere(<<"other">>, false))
    end}.

%% The loader's place is taken by the test itself.
setup() ->
    ok = push_counters:init(),
    ok = push_settings:init(),
    ok = push_loader:init_queue(),
    push_settings:put(<<"h">>, #{service => <<"push.h">>, content => none, apps => #{},
                                 tigase => none, remove_on_password_change => true}).

cleanup(_) ->
    true = ets:delete(push_settings).

with_stringprep(Tests) ->
    {setup, fun stringprep:load_nif/0, Tests}.

jid(User, Resource) ->
    #jid{user = User, server = <<"h">>, resource = Resource, luser = User, lserver = <<"h">>,
         lresource = Resource}.

form(User) ->
    #xdata{type = submit, fields = [#xdata_field{var = <<"username">>, values = [User]},
                                    #xdata_field{var = <<"password">>, values = [<<"new">>]}]}.
